package io.peerpods.vpc.service;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What listens in the VPC: metadata, names, the internet. Several processes may have the VPC open; for each service one of them
 * serves, and the others stand by and take over when it ends.
 */
public final class VpcServices implements AutoCloseable {

    /** Something that listens until it is closed. */
    public interface Listener extends AutoCloseable {
        @Override
        void close();
    }

    private static final Logger LOG = LoggerFactory.getLogger(VpcServices.class);
    private static final Duration STAND_BY = Duration.ofMillis(250);

    private final List<Supplier<Listener>> waiting;
    private final List<Listener> serving = new ArrayList<>();
    private final Thread standBy;
    private boolean closed;

    private VpcServices(List<Supplier<Listener>> services) {
        this.waiting = new ArrayList<>(services);
        this.standBy = Thread.ofVirtual().name("vpc-standby").unstarted(this::standBy);
    }

    public static VpcServices start(List<Supplier<Listener>> services) {
        VpcServices all = new VpcServices(services);
        try {
            if (!all.serve()) {
                all.standBy.start();
            }
        } catch (RuntimeException e) {
            all.close();
            throw e;
        }
        return all;
    }

    /** True when there is nothing to wait for any more. */
    private synchronized boolean serve() {
        if (!closed) {
            waiting.removeIf(this::starts);
        }
        return closed || waiting.isEmpty();
    }

    private boolean starts(Supplier<Listener> service) {
        try {
            serving.add(service.get());
            return true;
        } catch (UncheckedIOException e) {
            IOException cause = e.getCause();
            if (cause instanceof BindException) {
                return false;
            }
            throw e;
        }
    }

    private void standBy() {
        try {
            do {
                Thread.sleep(STAND_BY);
            } while (!serve());
        } catch (InterruptedException e) {
            LOG.trace("closed while standing by");
        } catch (RuntimeException | Error e) {
            LOG.warn("the VPC's services can no longer be taken over: {}", e.toString());
        }
    }

    @Override
    public synchronized void close() {
        closed = true;
        standBy.interrupt();
        serving.forEach(Listener::close);
        serving.clear();
    }
}
