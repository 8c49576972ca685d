package io.peerpods.cloud.aws.ec2world;

import io.peerpods.ec2.faults.MotoServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ClassTemplateInvocationContext;
import org.junit.jupiter.api.extension.ClassTemplateInvocationContextProvider;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.Extension;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/** Runs a class once for each emulator that is there; an emulator is started once for the whole run. */
final class BackEnds implements ClassTemplateInvocationContextProvider, ExecutionCondition {

    private static final Namespace NAMESPACE = Namespace.create(BackEnds.class);

    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
        return MotoServer.program().isPresent()
                ? ConditionEvaluationResult.enabled("moto_server is there")
                : ConditionEvaluationResult.disabled("needs moto_server (in PATH, or named by MOTO_SERVER)");
    }

    @Override
    public boolean supportsClassTemplate(ExtensionContext context) {
        return true;
    }

    @Override
    public Stream<ClassTemplateInvocationContext> provideClassTemplateInvocationContexts(ExtensionContext context) {
        Stream<ClassTemplateInvocationContext> moto = Stream.of(new Run("moto"));
        return LocalStack.missing().isEmpty() ? Stream.concat(moto, Stream.of(new Run("LocalStack"))) : moto;
    }

    private record Run(String name) implements ClassTemplateInvocationContext {

        @Override
        public String getDisplayName(int number) {
            return name;
        }

        @Override
        public List<Extension> getAdditionalExtensions() {
            return List.of(new Worlds(name));
        }
    }

    /** Gives each test that asks for it a world, and takes it back. */
    private record Worlds(String name) implements ParameterResolver, AfterEachCallback {

        @Override
        public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
            return parameter.getParameter().getType() == Ec2World.class;
        }

        @Override
        public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
            Ec2BackEnd backEnd =
                    context.getRoot().getStore(NAMESPACE).computeIfAbsent(name, key -> start(name), Ec2BackEnd.class);
            try {
                Ec2World world = Ec2World.make(backEnd);
                context.getStore(NAMESPACE).put("world", world);
                return world;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        private static Ec2BackEnd start(String name) {
            try {
                return name.equals("moto") ? new Ec2BackEnd.Moto(MotoServer.start()) : LocalStack.start();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException(e);
            }
        }

        @Override
        public void afterEach(ExtensionContext context) {
            Ec2World world = context.getStore(NAMESPACE).remove("world", Ec2World.class);
            if (world != null) {
                world.close();
            }
        }
    }
}
