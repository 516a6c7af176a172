package dev.palimpsest.method;

import dev.palimpsest.option.Registration;
import dev.palimpsest.train.Method;
import dev.palimpsest.train.MethodProvider;
import java.util.List;
import java.util.stream.Stream;

/** The library's methods, in the order of tables and help. */
final class OwnMethods {
    private OwnMethods() {}

    /** Registers them, for the service loader, which needs a public type. */
    public static final class Provider implements MethodProvider {
        @Override
        public List<Registration<Method>> methods() {
            return Stream.of(
                            M2kd.REGISTERED,
                            Lwf.REGISTERED,
                            SigmoidDistillation.REGISTERED,
                            PlainTraining.REGISTERED,
                            Joint.REGISTERED,
                            Mlkd.REGISTERED,
                            LwfUnlabelled.REGISTERED)
                    .flatMap(List::stream)
                    .toList();
        }
    }
}
