package io.peerpods.adaptor.service;

import io.grpc.MethodDescriptor;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import io.peerpods.adaptor.sandbox.Sandboxes;
import java.util.ArrayList;
import java.util.List;

/** The service definitions that both sockets offer. */
public final class Services {

    /** What runtime-rs of Kata 3.11 to 3.22 calls the hypervisor. */
    private static final String OLD_HYPERVISOR = "remote.Hypervisor";

    private Services() {}

    public static List<ServerServiceDefinition> of(Sandboxes sandboxes, String version) {
        ServerServiceDefinition hypervisor = new HypervisorService(sandboxes, version).bindService();
        return List.of(hypervisor, named(OLD_HYPERVISOR, hypervisor), new PodVmInfoService(sandboxes).bindService());
    }

    /** The same methods under another service's name. */
    private static ServerServiceDefinition named(String name, ServerServiceDefinition service) {
        ServiceDescriptor.Builder descriptor = ServiceDescriptor.newBuilder(name);
        List<ServerMethodDefinition<?, ?>> methods = new ArrayList<>();
        for (ServerMethodDefinition<?, ?> method : service.getMethods()) {
            ServerMethodDefinition<?, ?> renamed = renamed(name, method);
            descriptor.addMethod(renamed.getMethodDescriptor());
            methods.add(renamed);
        }
        ServerServiceDefinition.Builder builder = ServerServiceDefinition.builder(descriptor.build());
        methods.forEach(builder::addMethod);
        return builder.build();
    }

    private static <I, O> ServerMethodDefinition<I, O> renamed(String service, ServerMethodDefinition<I, O> method) {
        MethodDescriptor<I, O> known = method.getMethodDescriptor();
        MethodDescriptor<I, O> renamed = known.toBuilder()
                .setFullMethodName(
                        MethodDescriptor.generateFullMethodName(service, String.valueOf(known.getBareMethodName())))
                // The reflection schema belongs to the name in the .proto file.
                .setSchemaDescriptor(null)
                .build();
        return ServerMethodDefinition.create(renamed, method.getServerCallHandler());
    }
}
