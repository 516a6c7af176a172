package dev.palimpsest.method;

import dev.palimpsest.option.Registration;
import dev.palimpsest.train.Method;
import dev.palimpsest.train.MethodProvider;
import java.util.List;
import java.util.stream.Stream;

/** Registers the library's methods, in the order of tables and help. */
public final class OwnMethods implements MethodProvider {
    /** For the service loader. */
    public OwnMethods() {}

    @Override
    public List<Registration<Method>> methods() {
        return Stream.of(
                        M2kd.REGISTERED,
                        Lwf.REGISTERED,
                        SigmoidDistillation.REGISTERED,
                        Replay.REGISTERED,
                        FineTuning.REGISTERED,
                        Joint.REGISTERED,
                        Mlkd.REGISTERED,
                        LwfUnlabelled.REGISTERED)
                .flatMap(List::stream)
                .toList();
    }
}
