package io.peerpods.ttrpc.call;

import io.grpc.HandlerRegistry;
import io.grpc.MethodDescriptor;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** What a server serves: by service and method, then by the fallback. */
public final class Methods {
    private static final Executor VIRTUAL = task -> {
        var _ = Thread.startVirtualThread(task);
    };
    private static final Executor DIRECT = Runnable::run;

    /**
     * @param executor where the handler's callbacks run
     */
    record Target(ServerMethodDefinition<?, ?> definition, Executor executor) {}

    private final Map<String, Map<String, Target>> services = new HashMap<>();
    private final @Nullable HandlerRegistry fallback;
    private final Predicate<MethodDescriptor<?, ?>> direct;

    public Methods(
            Collection<ServerServiceDefinition> definitions,
            @Nullable HandlerRegistry fallback,
            Predicate<MethodDescriptor<?, ?>> direct) {
        this.fallback = fallback;
        this.direct = direct;
        for (ServerServiceDefinition definition : definitions) {
            String service = definition.getServiceDescriptor().getName();
            Map<String, Target> methods = new HashMap<>();
            for (ServerMethodDefinition<?, ?> method : definition.getMethods()) {
                String name = String.valueOf(method.getMethodDescriptor().getBareMethodName());
                methods.put(name, target(method));
            }
            if (services.put(service, methods) != null) {
                throw new IllegalArgumentException("service " + service + " was added twice");
            }
        }
    }

    @Nullable
    Target find(String service, String method) {
        Map<String, Target> methods = services.get(service);
        Target target = methods == null ? null : methods.get(method);
        if (target != null || fallback == null || method.indexOf('/') >= 0) {
            return target;
        }
        ServerMethodDefinition<?, ?> definition = fallback.lookupMethod(service + "/" + method, null);
        return definition == null ? null : target(definition);
    }

    /** The text for a method that is not there, which names what is not. */
    String missing(String service, String method) {
        return services.containsKey(service) ? "method " + method : "service " + service;
    }

    private Target target(ServerMethodDefinition<?, ?> definition) {
        return new Target(definition, direct.test(definition.getMethodDescriptor()) ? DIRECT : VIRTUAL);
    }
}
