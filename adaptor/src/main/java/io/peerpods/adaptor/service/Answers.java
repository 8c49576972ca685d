package io.peerpods.adaptor.service;

import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.stub.StreamObserver;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Answers a unary call with a value or with what went wrong. */
final class Answers {

    private static final Logger log = LoggerFactory.getLogger(Answers.class);

    private Answers() {}

    interface Answer<T> {
        T get() throws StatusException;
    }

    static <T> void to(StreamObserver<T> caller, Answer<T> answer) {
        T value;
        try {
            value = answer.get();
        } catch (StatusException e) {
            caller.onError(e);
            return;
        } catch (RuntimeException | Error e) {
            log.error("a call failed", e);
            caller.onError(Status.INTERNAL.withDescription(e.toString()).asException());
            return;
        }
        caller.onNext(value);
        caller.onCompleted();
    }
}
