package dev.ariadne.notebook;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A kernel that writes down what it is told. */
final class RecordingKernel implements Kernel {
    final List<String> calls = new ArrayList<>();
    final List<Map<String, String>> bundles = new ArrayList<>();

    @Override
    public String name() {
        return "recording";
    }

    @Override
    public void install() {
        calls.add("install");
    }

    @Override
    public void show(Object value) {
        calls.add("show " + value);
    }

    @Override
    public void open(String id, Map<String, String> bundle) {
        calls.add("open " + id);
        bundles.add(bundle);
    }

    @Override
    public void update(String id, Map<String, String> bundle) {
        calls.add("update " + id);
        bundles.add(bundle);
    }
}
