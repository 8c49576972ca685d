package io.peerpods.cloud.calls;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpods.cloud.CloudException;
import io.peerpods.cloud.CloudException.NotFound;
import io.peerpods.cloud.CloudException.Outcome;
import io.peerpods.cloud.CloudException.Unavailable;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

final class BatcherTest {

    @Test
    void whatIsAskedWhileABatchIsOnItsWayGoesTogether() throws Exception {
        List<Integer> sizes = new CopyOnWriteArrayList<>();
        CountDownLatch first = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        Batcher<Integer, Integer> batcher = new Batcher<>("squares", Duration.ofMillis(1), 100, batch -> {
            sizes.add(batch.size());
            if (sizes.size() == 1) {
                first.countDown();
                go.await();
            }
            batch.forEach((number, answer) -> answer.complete(number * number));
        });
        try (batcher;
                var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Integer>> answers = new ArrayList<>();
            answers.add(threads.submit(() -> batcher.ask(0)));
            first.await();
            CountDownLatch asked = new CountDownLatch(20);
            for (int i = 1; i <= 20; i++) {
                int number = i;
                answers.add(threads.submit(() -> {
                    asked.countDown();
                    return batcher.ask(number);
                }));
            }
            asked.await();
            go.countDown();
            for (int i = 0; i <= 20; i++) {
                assertThat(answers.get(i).get()).isEqualTo(i * i);
            }
        }
        assertThat(sizes.stream().mapToInt(size -> size).sum()).isEqualTo(21);
        assertThat(sizes).hasSizeLessThan(21);
    }

    @Test
    void oneQuestionsFailureIsItsOwn() throws Exception {
        try (Batcher<String, String> batcher = new Batcher<>("b", Duration.ofMillis(50), 100, batch -> {
                    batch.forEach((word, answer) -> {
                        if (word.equals("bad")) {
                            answer.completeExceptionally(new NotFound(Outcome.NOT_DONE, "no " + word));
                        } else {
                            answer.complete(word);
                        }
                    });
                });
                var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<String> good = threads.submit(() -> batcher.ask("good"));
            assertThatThrownBy(() -> batcher.ask("bad")).isInstanceOf(NotFound.class);
            assertThat(good.get()).isEqualTo("good");
        }
    }

    @Test
    void aQuestionThatTheWorkForgetsFails() throws Exception {
        try (Batcher<String, String> batcher = new Batcher<>("b", Duration.ZERO, 100, batch -> {})) {
            assertThatThrownBy(() -> batcher.ask("x")).isInstanceOf(Unavailable.class);
        }
    }

    @Test
    void theWorksFailureIsEverybodys() throws Exception {
        try (Batcher<String, String> batcher = new Batcher<>("b", Duration.ZERO, 100, batch -> {
            throw new CloudException.QuotaExceeded(Outcome.NOT_DONE, "enough");
        })) {
            assertThatThrownBy(() -> batcher.ask("x")).isInstanceOf(CloudException.QuotaExceeded.class);
            assertThatThrownBy(() -> batcher.ask("y")).hasMessage("enough");
        }
    }

    @Test
    void anErrorOfTheWorkReachesWhoAsksAndTheNextQuestionIsAnswered() throws Exception {
        AtomicInteger runs = new AtomicInteger();
        try (Batcher<String, String> batcher = new Batcher<>("b", Duration.ZERO, 100, batch -> {
            if (runs.getAndIncrement() == 0) {
                throw new NoClassDefFoundError("as told");
            }
            batch.forEach((word, answer) -> answer.complete(word));
        })) {
            assertThatThrownBy(() -> batcher.ask("x")).hasMessageContaining("as told");
            assertThat(batcher.ask("y")).isEqualTo("y");
        }
    }
}
