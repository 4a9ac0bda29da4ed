"""Opens every notebook in JupyterLab in a Chromium without a window and checks what a reader sees: ./run --check-pages [NOTEBOOK...]

For each notebook, with its committed outputs and without executing anything: outputs are visible although the notebook is not trusted, in the
light and the dark theme; nothing in the console; no request leaves the machine; text is not cut off, not over other text, and at least 4.5:1
against what is behind it; pictures have alt text; where a color means something, so does a number, a sign or a dash pattern. The pages to explore
are then trusted and used by click, search, slider and keyboard. Screenshots of the tutorials: target/pages.
"""

import argparse
import base64
import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

from playwright.sync_api import TimeoutError, sync_playwright

ROOT = pathlib.Path(__file__).resolve().parent.parent
CHECKS = (ROOT / "tools" / "check_pages.js").read_text(encoding="utf-8")
SHOTS = ROOT / "target" / "pages"
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SETTINGS = {
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none", "kernelShutdown": True},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
PICTURE = re.compile(r'<img alt="([^"]*)"[^>]*src="data:image/svg\+xml;base64,([^"]+)"')


class Lab:
    """A JupyterLab with an empty home, so that it trusts nothing and remembers nothing, on copies of the notebooks."""

    def __init__(self, folder, notebooks):
        self.folder = folder
        self.root = folder / "root"
        for notebook in notebooks:
            copy = self.root / notebook.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(notebook, copy)
        for name, settings in SETTINGS.items():
            file = folder / "settings" / f"{name}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(settings))
        # Nothing is executed: a kernel of this name, so that JupyterLab does not ask for one, and no JVM for each page.
        kernel = folder / "data" / "kernels" / "java"
        kernel.mkdir(parents=True)
        kernel.joinpath("kernel.json").write_text(json.dumps(
            {"argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"], "display_name": "Java", "language": "java"}))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{probe.getsockname()[1]}"

    def __enter__(self):
        home = {"HOME": "home", "JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime",
                "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces", "IPYTHONDIR": "ipython"}
        environment = os.environ | {name: str(self.folder / value) for name, value in home.items()}
        environment["JUPYTER_PREFER_ENV_PATH"] = "0"  # else the kernel of .venv comes first
        port = self.url.rpartition(":")[2]
        with (self.folder / "log.txt").open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0",
                 "--IdentityProvider.token=", f"--ServerApp.root_dir={self.root}", "--LabApp.news_url=None", "--expose-app-in-browser",
                 "--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate"],
                env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        for _ in range(600):
            with contextlib.suppress(OSError):
                urllib.request.build_opener(urllib.request.ProxyHandler({})).open(self.url + "/api/status", timeout=5).close()
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        self.__exit__()
        raise SystemExit("JupyterLab does not start:\n" + (self.folder / "log.txt").read_text()[-2000:])

    def __exit__(self, *_):
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        if self.process.poll() is None:
            self.process.kill()


def of_the_lab(error):
    """Whether it is JupyterLab's own, all of its stack: rarely, it takes away a node of its page that is gone already."""
    places = re.findall(r"\(?(\w+:\S+):\d+:\d+\)?", error.stack or "")
    return "removeChild" in str(error) and bool(places) and all("/static/lab/" in place for place in places)


class Pages:
    """A page of the browser, in which JupyterLab opens one notebook after the other."""

    def __init__(self, context, url):
        self.complaints = []
        self.where = "JupyterLab"
        self.page = context.new_page()
        self.page.add_init_script(CHECKS)
        self.page.on("console", lambda message: message.type == "error" and self.complain(f"console: {message.text} ({message.location['url']})"))
        self.page.on("dialog", lambda dialog: dialog.accept())  # it asks whether to leave
        self.page.on("pageerror", lambda error: of_the_lab(error) or self.complain(f"console: {error} {error.stack}"))
        self.page.on("websocket", lambda web: self.here(web.url))
        context.on("request", lambda request: self.here(request.url))
        self.url = url

    def complain(self, text):
        line = f"{self.where}: {text}"
        if line not in self.complaints:
            self.complaints.append(line)
            print("  " + text, flush=True)

    def here(self, url):
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("data", "blob", "about") and parts.hostname not in ("127.0.0.1", "localhost"):
            self.complain(f"a request to {parts.hostname}: {url[:200]}")

    def do(self, command, arguments=None):
        self.page.evaluate("([c, a]) => jupyterapp.commands.execute(c, a).then(() => 0)", [command, arguments or {}])

    def theme(self, name):
        self.do("apputils:change-theme", {"theme": THEMES[name]})
        self.page.wait_for_function("dark => document.body.dataset.jpThemeLight === String(!dark)", arg=name == "dark")
        with contextlib.suppress(TimeoutError):  # what stays hidden is complained of later
            self.page.wait_for_function("ariadneChecks.outputs(panel).every(c => c.shown.every(o => o.height >= 4))", timeout=10_000)

    def open(self, path):
        """Waits until all cells are there and all pictures are loaded."""
        self.page.goto(f"{self.url}/lab/tree/{path}?reset")
        self.page.wait_for_function("() => (window.panel = window.jupyterapp?.shell?.currentWidget)?.content?.widgets?.length", timeout=60_000)
        self.page.evaluate("() => jupyterapp.restored.then(() => panel.context.ready).then(() => 0)")
        self.page.evaluate("() => { if (!jupyterapp.shell.leftCollapsed) { jupyterapp.shell.collapseLeft(); } }")
        self.page.wait_for_function(
            "() => { const w = panel.content.widgets; return w.length && w.every(c => c.inViewport !== false) && "
            "[...panel.node.querySelectorAll('img')].every(i => i.complete) && ariadneChecks.outputs(panel).every(c => c.shown.length >= c.saved); }",
            timeout=30_000)

    def check(self, theme, trusted):
        for cell in self.page.evaluate("ariadneChecks.outputs(panel)"):
            name = f"{theme}, cell {cell['index']}"
            if cell["trusted"] != trusted and cell["saved"]:
                self.complain(f"{name}: is {'' if cell['trusted'] else 'not '}trusted")
            for output in cell["shown"]:
                if output["height"] < 4 or output["broken"]:
                    self.complain(f"{name}: an output that cannot be seen ({output})")
        for check in ("paleText", "clippedText", "unnamed", "colorAlone"):
            for text in self.page.evaluate(f"ariadneChecks.inOutputs(panel, ariadneChecks.{check})"):
                self.complain(f"{theme}, {text}")
        for text in self.page.evaluate("ariadneChecks.inTexts(panel, ariadneChecks.unnamed)"):
            self.complain(f"{theme}, {text}")

    def shoot(self, name):
        """The whole notebook, a screen at a time."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        height, step = self.page.evaluate("() => { const o = panel.content.outerNode ?? panel.content.node; o.scrollTop = 0; return [o.scrollHeight, o.clientHeight]; }")
        for number in range(-(-height // step)):
            self.page.evaluate("top => { (panel.content.outerNode ?? panel.content.node).scrollTop = top; }", number * step)
            self.page.wait_for_timeout(120)
            self.page.screenshot(path=SHOTS / f"{name}-{number + 1:02}.png")

    def trust(self):
        self.page.evaluate("void jupyterapp.commands.execute('notebook:trust')")
        self.page.click(".jp-Dialog .jp-mod-accept")
        self.page.wait_for_function("ariadneChecks.outputs(panel).every(cell => cell.trusted)")

    def close(self):
        self.page.evaluate("async () => { await panel.context.sessionContext.shutdown().catch(() => 0); }")


class Explorer:
    """A page to explore, in the frame of a trusted output: by mouse and by keyboard."""

    def __init__(self, pages, element):
        self.pages, self.page = pages, pages.page
        element.scroll_into_view_if_needed()
        self.element, self.frame = element, element.content_frame()
        self.frame.wait_for_function("document.documentElement.dataset.opened")
        self.frame.evaluate(CHECKS)

    def text(self, selector):
        return self.frame.inner_text(selector)

    def expect(self, what, true):
        if not true:
            self.pages.complain(f"{self.element.get_attribute('title')!r} does not answer to {what}")

    def look(self, theme):
        self.frame.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=theme)
        for check in ("paleText(document.body)", "clippedText(document.body)", "unnamed(document.body)", "colorAlone(document.body)", "canvasColors()"):
            for text in self.frame.evaluate(f"ariadneChecks.{check}"):
                self.pages.complain(f"{theme}, explorer: {text}")

    def use(self):
        self.keyboard()
        self.click()
        self.search()
        for slider, shown in (("#prune", "#pruned"), ("#many", "#drawn")):
            if self.frame.is_visible(slider):
                before = self.text(shown)
                self.frame.focus(slider)
                for _ in range(12):
                    self.page.keyboard.press("ArrowLeft")
                self.expect("the slider " + slider, self.text(shown) != before)

    def keyboard(self):
        self.frame.focus("#canvas")
        self.page.keyboard.press("ArrowUp")
        first = self.text("#side")
        self.page.keyboard.press("ArrowDown")
        self.page.keyboard.press("ArrowLeft")
        self.expect("arrow keys", self.text("#side") != first)
        desk = self.text("#desk")
        self.page.keyboard.press("Enter")
        self.expect("the Enter key, which pins", self.text("#desk") != desk)
        self.page.keyboard.press("Enter")
        chosen = self.text("#side")
        self.page.keyboard.press("Escape")
        self.expect("the Escape key", self.text("#side") != chosen)

    def click(self):
        """Looks for a node with events of its own making, then clicks there with the mouse."""
        found = self.frame.evaluate("""() => {
            const canvas = document.getElementById('canvas'), tip = document.getElementById('tip'), box = canvas.getBoundingClientRect();
            for (let y = 4; y < box.height; y += 6) {
                for (let x = 70; x < box.width; x += 6) {
                    canvas.dispatchEvent(new PointerEvent('pointermove', { clientX: box.left + x, clientY: box.top + y }));
                    if (!tip.hidden) { return { x, y, text: tip.textContent }; }
                }
            }
        }""")
        box = self.frame.locator("#canvas").bounding_box()
        self.page.mouse.click(box["x"] + found["x"], box["y"] + found["y"])
        name, place = found["text"].split("\n")[:2]
        self.expect(f"a click on {name!r}", place in self.text("#side"))

    def search(self):
        word = next(word for word in re.findall(r"\w{2,}", self.frame.evaluate("JSON.parse(document.getElementById('data').textContent).tokens.join(' ')")))
        self.frame.focus("#canvas")
        self.page.keyboard.press("/")
        self.page.keyboard.type(word)
        found = self.frame.text_content("#live")
        self.expect(f"a search for {word!r}", re.fullmatch(r"[1-9]\d* found", found or ""))
        self.page.keyboard.press("Escape")
        self.expect("the Escape key, which ends a search", not self.frame.text_content("#live"))


def check_pictures(pages, scratch, notebook):
    """The SVGs of a notebook, each on a page of its own, at its own size."""
    seen = set()
    for index, cell in enumerate(json.loads(notebook.read_text(encoding="utf-8"))["cells"]):
        for output in cell.get("outputs", []):
            for _, data in PICTURE.findall("".join(output.get("data", {}).get("text/html", []))):
                if data not in seen:
                    seen.add(data)
                    for text in scratch.evaluate("source => ariadneChecks.svg(source)", base64.b64decode(data).decode("utf-8")):
                        pages.complain(f"cell {index}, picture: {text}")


def check(pages, scratch, notebook):
    path = notebook.relative_to(ROOT).as_posix()
    print(path, flush=True)
    pages.where = path
    start = time.monotonic()
    tutorial = path.startswith("tutorials/")
    pages.open(path)
    for theme in THEMES:
        pages.theme(theme)
        pages.check(theme, trusted=False)
        if tutorial:
            pages.shoot(f"{notebook.stem}-{theme}")
    check_pictures(pages, scratch, notebook)
    if "<iframe" in notebook.read_text(encoding="utf-8"):
        pages.trust()
        elements = pages.page.wait_for_function("() => panel.node.querySelectorAll('.jp-OutputArea-output iframe').length") and pages.page.query_selector_all(
            ".jp-OutputArea-output iframe")
        for number, element in enumerate(elements):
            explorer = Explorer(pages, element)
            explorer.use()
            for theme in THEMES:
                pages.theme(theme)
                explorer.look(theme)
                SHOTS.mkdir(parents=True, exist_ok=True)
                element.screenshot(path=SHOTS / f"{notebook.stem}-explorer{number + 1}-{theme}.png")
    pages.close()
    print(f"  {time.monotonic() - start:.1f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=pathlib.Path, help="default: all of notebooks/ and tutorials/")
    wanted = parser.parse_args().notebooks
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if not browser:
        raise SystemExit("a browser is missing: install Chromium (Debian: apt install chromium)")
    notebooks = [file.resolve() for file in wanted] or sorted([*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("tutorials/*.ipynb")])
    shutil.rmtree(SHOTS, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder, Lab(pathlib.Path(folder), notebooks) as lab, sync_playwright() as playwright:
        # Whatever is asked of another machine fails here at once, and is named.
        options = ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"]
        with contextlib.closing(playwright.chromium.launch(executable_path=browser, args=options)) as chromium:
            context = chromium.new_context(viewport={"width": 1280, "height": 1500})
            pages = Pages(context, lab.url)
            scratch = context.new_page()
            scratch.add_init_script(CHECKS)
            scratch.goto("about:blank")
            scratch.evaluate(CHECKS)
            for notebook in notebooks:
                check(pages, scratch, notebook)
    failed = len(pages.complaints)
    print(f"{len(notebooks)} notebooks in both themes, {failed} complaints" + (f"; screenshots in {SHOTS.relative_to(ROOT)}" if SHOTS.exists() else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
