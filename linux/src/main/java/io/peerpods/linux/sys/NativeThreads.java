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
     * force), else on one of the pool, which is always in the namespaces of the process.
     */
    public static <T, X extends Exception> T call(Task<T, X> task) throws X {
        if (!Thread.currentThread().isVirtual()) {
            return task.run();
        }
        FutureTask<T> future = new FutureTask<>(task::run);
        POOL.execute(future);
        return await(future, null);
    }

    /** Runs the task on a platform thread of its own, which ends with it: what it does to the thread (setns, unshare) ends too. */
    public static <T, X extends Exception> T callOnFreshThread(String name, Task<T, X> task) throws X {
        FutureTask<T> future = new FutureTask<>(task::run);
        Thread thread = Thread.ofPlatform().daemon().name(name).start(future);
        return await(future, thread);
    }

    /** Waits for the end. An interrupt is handed on to {@code runner} and kept; half-done kernel work is never walked away from. */
    @SuppressWarnings("unchecked")
    private static <T, X extends Exception> T await(
            FutureTask<T> future, @org.jspecify.annotations.Nullable Thread runner) throws X {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return future.get();
                } catch (InterruptedException e) {
                    interrupted = true;
                    if (runner != null) {
                        runner.interrupt();
                    }
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
