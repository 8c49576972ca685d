package io.peerpods.cloud.calls;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudException.Outcome;
import io.peerpods.cloud.CloudException.Unavailable;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Puts what many ask at about the same time into one call: the first question opens a short window, everything asked
 * while it is open, or while the batch before it is still on its way, goes together. Thread-safe.
 *
 * @param <K> a question; the same one asked twice in one window is asked once
 * @param <R> its answer
 */
public final class Batcher<K, R> implements AutoCloseable {

    /** Answers a batch. */
    public interface Work<K, R> {
        /** Completes the questions, each on its own; one left open fails with the exception thrown. */
        void run(Map<K, CompletableFuture<R>> batch) throws CloudException, InterruptedException;
    }

    private static final Logger log = LoggerFactory.getLogger(Batcher.class);

    private final String name;
    private final Duration window;
    private final int largest;
    private final Work<K, R> work;

    private Map<K, CompletableFuture<R>> waiting = new LinkedHashMap<>();
    private Thread runner = Thread.currentThread();
    private boolean running;

    /** @param largest how many questions go into one batch at most */
    public Batcher(String name, Duration window, int largest, Work<K, R> work) {
        this.name = name;
        this.window = window;
        this.largest = largest;
        this.work = work;
    }

    /** Asks and waits for the answer. An interrupt ends the wait, not the question. */
    public R ask(K question) throws CloudException, InterruptedException {
        CompletableFuture<R> answer;
        synchronized (this) {
            answer = waiting.computeIfAbsent(question, key -> new CompletableFuture<>());
            if (!running) {
                runner = Thread.ofVirtual().name(name).start(this::drain);
                running = true;
            }
        }
        try {
            return answer.get();
        } catch (ExecutionException e) {
            throw e.getCause() instanceof CloudException cloud
                    ? cloud
                    : new Unavailable(Outcome.UNKNOWN, name + ": " + e.getCause(), e);
        }
    }

    private void drain() {
        try {
            for (Map<K, CompletableFuture<R>> batch = next(); !batch.isEmpty(); batch = next()) {
                answer(batch);
            }
        } catch (InterruptedException e) {
            abandon(name + " was stopped");
        } catch (RuntimeException | Error e) {
            log.error("{} failed; the next question is asked afresh", name, e);
            abandon(name + " failed: " + e);
        }
    }

    private Map<K, CompletableFuture<R>> next() throws InterruptedException {
        Thread.sleep(window);
        synchronized (this) {
            Map<K, CompletableFuture<R>> batch = new LinkedHashMap<>();
            var questions = waiting.entrySet().iterator();
            while (questions.hasNext() && batch.size() < largest) {
                var question = questions.next();
                batch.put(question.getKey(), question.getValue());
                questions.remove();
            }
            running = !batch.isEmpty();
            return batch;
        }
    }

    private void answer(Map<K, CompletableFuture<R>> batch) throws InterruptedException {
        Throwable reason = new Unavailable(Outcome.UNKNOWN, name + " gave no answer");
        try {
            work.run(batch);
        } catch (InterruptedException e) {
            reason = new Unavailable(Outcome.UNKNOWN, name + " was stopped", e);
            throw e;
        } catch (CloudException | RuntimeException | Error e) {
            reason = e;
        } finally {
            Throwable left = reason;
            batch.values().forEach(question -> question.completeExceptionally(left));
        }
    }

    private synchronized void abandon(String why) {
        waiting.values().forEach(question -> question.completeExceptionally(new Unavailable(Outcome.UNKNOWN, why)));
        waiting = new LinkedHashMap<>();
        running = false;
    }

    /** Ends the batch on its way; everyone who waits gets an exception. */
    @Override
    public synchronized void close() {
        if (running) {
            runner.interrupt();
        }
    }
}
