package dev.palimpsest.method;

import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.model.Weights;
import dev.palimpsest.recipe.MethodOptions;
import dev.palimpsest.recipe.OptimiserOptions;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.snapshot.FullCopies;
import dev.palimpsest.snapshot.Owners;
import dev.palimpsest.snapshot.PackedSnapshots;
import dev.palimpsest.snapshot.PruningPlan;
import dev.palimpsest.snapshot.Snapshots;
import dev.palimpsest.stream.Experience;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.train.Learner;
import dev.palimpsest.train.Method;
import dev.palimpsest.train.Pass;
import dev.palimpsest.train.Result;
import dev.palimpsest.train.SnapshotWeights;
import dev.palimpsest.train.Terms;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * M2KD, multi-model and multi-level knowledge distillation (Zhou et al., arXiv 1904.01769): every earlier snapshot
 * teaches, through the logits of its own classes, through auxiliary heads, and if asked through features; the
 * snapshots live inside the network's own weights and are rebuilt by their owner masks (PackNet, Mallya and Lazebnik
 * 2018). With e the experience, C_i the classes of experience i:
 *
 * <pre>
 *   L = CE
 *     + λ  mean_{i&lt;e} T² KL( softmax(z_i[C_i]/T) ‖ softmax(z[C_i]/T) )             multi-model
 *     + λa mean_{i&lt;e} Σ_l T² KL( softmax(a_{i,l}[C_i]/T) ‖ softmax(a_l[C_i]/T) )   multi-level, auxiliary heads
 *     + λf mean_{i&lt;e} Σ_l ‖f_l − f_{i,l}‖²                                         multi-level, features
 * </pre>
 *
 * After training, the smallest weights that this experience trained are released and the rest are retrained. The
 * paper's abstract leaves open the mean over snapshots, the form of CE, the planned fractions and λf: these choices
 * are ours, and options. Not verified against published numbers.
 */
final class M2kd implements Method {
    private final MethodOptions options;
    private final Classification classification;
    private final List<ClassRange> groups = new ArrayList<>();
    private Owners owners;
    private PruningPlan plan;
    private Snapshots snapshots;
    private Teaching teaching;

    M2kd(Recipe recipe) {
        options = recipe.method();
        classification = new Classification(options.crossEntropy());
    }

    @Override
    public void begin(Learner learner, Experience experience) {
        classification.begin(experience);
        if (snapshots == null) {
            prepare(learner);
        }
        if (options.prune()) {
            owners.claim(experience.index() + 1);
            learner.masks(owners::trainable);
        }
        if (!groups.isEmpty()) {
            TeacherMemory memory =
                    new TeacherMemory(learner.recipe().teacherMemory().bytes());
            List<Teacher> teachers = new ArrayList<>();
            for (int i = 0; i < groups.size(); i++) {
                Weights weights = weights(i + 1);
                teachers.add(new Teacher(
                        memory, () -> new FrozenNetwork(learner.engine(), learner.network(), weights), groups.get(i)));
            }
            teaching = new Teaching(learner, teachers);
        }
        groups.add(group(experience));
    }

    private ClassRange group(Experience experience) {
        return options.groups() == MethodOptions.Groups.OWN
                ? experience.classes()
                : new ClassRange(0, experience.classes().end());
    }

    private void prepare(Learner learner) {
        if (options.prune()) {
            plan = plan(learner);
            plan.requireEnoughWeights(learner.network().parameters());
            owners = new Owners(learner.network().parameters());
            snapshots = new PackedSnapshots(owners);
        } else {
            snapshots = new FullCopies();
        }
    }

    private PruningPlan plan(Learner learner) {
        int steps = learner.stream().experiences().size();
        return options.fraction().isPresent()
                ? new PruningPlan.Fixed(options.fraction().getAsDouble(), steps)
                : new PruningPlan.EqualShares(steps);
    }

    @Override
    public void save(SafetensorsWriter checkpoint) {
        snapshots.write(checkpoint);
    }

    @Override
    public void resume(Learner learner, Experience done, Safetensors checkpoint) {
        snapshots = Snapshots.read(checkpoint, learner.network().parameters()).orElseThrow();
        if (snapshots instanceof PackedSnapshots packed) {
            plan = plan(learner);
            owners = packed.owners();
        }
        learner.stream()
                .experiences()
                .subList(0, done.index() + 1)
                .forEach(experience -> groups.add(group(experience)));
    }

    @Override
    public void loss(Pass pass, Terms terms) {
        if (teaching == null) {
            classification.add(pass, terms, null);
        } else {
            teaching.add(pass, terms, classification);
        }
    }

    @Override
    public void end(Learner learner, Experience experience) {
        int step = experience.index() + 1;
        if (options.prune()) {
            double fraction = plan.fraction(step);
            owners.release(step, fraction);
            learner.masks(owners::trainable);
            if (fraction > 0) {
                OptimiserOptions optimiser = learner.recipe().optimiser();
                learner.train("retrain", optimiser.retrainEpochs(), optimiser.retrainLearningRateFactor());
            }
            learner.network().renewEmptyChannels();
        }
        snapshots.add(learner.network().parameters(), learner.network().buffers());
        closeTeaching();
    }

    @Override
    public Optional<Result.Memory> memory() {
        return Optional.of(new Result.Memory(snapshots.bytes(), snapshots.fullCopyBytes(), snapshots.bitsPerWeight()));
    }

    /** Whom the weights belong to; null if they are not pruned. */
    Owners owners() {
        return owners;
    }

    /** A snapshot as the weights of a frozen network. */
    Weights weights(int snapshot) {
        return new SnapshotWeights(snapshots, snapshot);
    }

    private void closeTeaching() {
        if (teaching != null) {
            teaching.close();
            teaching = null;
        }
    }

    @Override
    public void close() {
        closeTeaching();
        if (snapshots != null) {
            snapshots.close();
        }
    }
}
