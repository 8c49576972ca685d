package io.peerpods.linux.sys;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * The platform threads on which this module calls into native code. A virtual thread that blocks in native code pins its carrier and
 * stalls everything else that wants to run there, so none enters it; it waits, parked, for one of these.
 */
public final class NativeThreads {

    // Few: the kernel serialises most of rtnetlink anyway. More than the processors, because some requests wait (RCU
    // grace periods).
    private static final int COUNT = Math.clamp(2L * Runtime.getRuntime().availableProcessors(), 4, 8);

    private static final ExecutorService POOL = pool();

    private NativeThreads() {}

    private static ExecutorService pool() {
        ThreadPoolExecutor pool = new ThreadPoolExecutor(
                COUNT,
                COUNT,
                60,
                TimeUnit.SECONDS,
                new LinkedBlockingQueue<>(),
                Thread.ofPlatform().daemon().name("linux-", 1).factory());
        pool.allowCoreThreadTimeOut(true);
        return pool;
    }

    /**
     * Runs the task on a platform thread and waits for it: here when this is one already (a namespace it has entered stays in
     * force), else on one of the pool, which is always in the namespaces of the process. An interrupt of the caller does not reach
     * the task, and is kept.
     */
    public static <T, X extends Exception> T call(Task<T, X> task) throws X {
        if (!Thread.currentThread().isVirtual()) {
            return callHere(task);
        }
        FutureTask<T> future = new FutureTask<>(task::run);
        POOL.execute(future);
        return await(future, () -> {});
    }

    /** File channels close when their thread is interrupted, so the mark is taken off for the time being. */
    private static <T, X extends Exception> T callHere(Task<T, X> task) throws X {
        boolean interrupted = Thread.interrupted();
        try {
            return task.run();
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /**
     * Runs the task on a platform thread of its own, which ends with it: what it does to the thread (setns, unshare) ends too. An
     * interrupt of the caller does not reach the task, and is kept.
     */
    public static <T, X extends Exception> T callOnFreshThread(String name, Task<T, X> task) throws X {
        FutureTask<T> future = new FutureTask<>(task::run);
        Thread.ofPlatform().daemon().name(name).start(future);
        return await(future, () -> {});
    }

    /** As {@link #callOnFreshThread}, and an interrupt of the caller reaches the task. */
    public static <T, X extends Exception> T callInterruptibly(String name, Task<T, X> task) throws X {
        FutureTask<T> future = new FutureTask<>(task::run);
        Thread thread = Thread.ofPlatform().daemon().name(name).start(future);
        return await(future, thread::interrupt);
    }

    /** Waits for the end, whatever happens: half-done kernel work is never walked away from. */
    @SuppressWarnings("unchecked")
    private static <T, X extends Exception> T await(FutureTask<T> future, Runnable onInterrupt) throws X {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return future.get();
                } catch (InterruptedException e) {
                    interrupted = true;
                    onInterrupt.run();
                } catch (ExecutionException e) {
                    if (e.getCause() instanceof Error error) {
                        throw error;
                    }
                    // The task declares no checked exception but X.
                    throw (X) e.getCause();
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
