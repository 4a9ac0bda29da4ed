package dev.ariadne.view;

import java.util.Iterator;
import java.util.Optional;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;

/** Finds the display host, or a silent one when there is none that loads. */
final class DisplayHosts {
    private DisplayHosts() {}

    static DisplayHost find() {
        try {
            // Our own loader: in a kernel, the context loader of a pool thread does not see the notebook's jars.
            Iterator<DisplayHost> hosts = ServiceLoader.load(DisplayHost.class, Displayable.class.getClassLoader())
                    .iterator();
            if (hosts.hasNext()) {
                DisplayHost host = hosts.next();
                host.install();
                return host;
            }
        } catch (ServiceConfigurationError | LinkageError | RuntimeException e) {
            // A display that cannot load must not keep a result from being computed; the text form remains.
            return new Silent();
        }
        return new Silent();
    }

    /** Shows nothing. */
    private static final class Silent implements DisplayHost {
        @Override
        public void install() {}

        @Override
        public void show(Displayable displayable) {}

        @Override
        public Optional<Live> open() {
            return Optional.empty();
        }
    }
}
