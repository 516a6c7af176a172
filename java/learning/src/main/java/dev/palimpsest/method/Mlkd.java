package dev.palimpsest.method;

import dev.palimpsest.autograd.Variable;
import dev.palimpsest.internal.SplitMix64;
import dev.palimpsest.loss.FixedLogits;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.model.Network;
import dev.palimpsest.model.Network.Head;
import dev.palimpsest.model.Outputs;
import dev.palimpsest.option.OptionGroup;
import dev.palimpsest.option.Registration;
import dev.palimpsest.snapshot.Snapshots;
import dev.palimpsest.stream.Batch;
import dev.palimpsest.stream.Experience;
import dev.palimpsest.stream.Stream;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import dev.palimpsest.train.Learner;
import dev.palimpsest.train.Learner.UnlabelledBatches;
import dev.palimpsest.train.Method;
import dev.palimpsest.train.Pass;
import dev.palimpsest.train.Pass.Part;
import dev.palimpsest.train.Pass.Span;
import dev.palimpsest.train.Settings;
import dev.palimpsest.train.Terms;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/**
 * MLKD and dynamic self-supervision (Kim et al., arXiv 2508.12692), for streams whose classes repeat and which bring
 * unlabelled images. With e the experience from 0, f features, z logits:
 *
 * <pre>
 *   L = (1 − 0.1α) CE_ace + η KL_der + γ (h_past + h_future) + β FKD_labelled
 *     + α SSL + [e ≥ 1] ( β FKD_unlabelled + δ Relation ),     α = 0.5·0.95^e,  β = 0.002 (e + 1)
 * </pre>
 *
 * CE_ace is over all classes; in a new row old classes that the batch lacks stand at −1e9, unseen ones at 1e-9. KL_der
 * holds the head to its logits for the features in memory when they were stored. h keeps the current classes above the
 * others. FKD is the squared distance to the features of the teacher that is most confident of the row, Relation keeps
 * how rows and classes relate. Feature distillation covers labelled images in experience 0 too, where the teacher is
 * the network as it started: as published.
 *
 * <p>Where the published code is followed: teachers normalise labelled, unlabelled augmented and unlabelled plain
 * images each by themselves (option {@code teacher-batches}); the newest one's logits, for the choice and for the
 * relation, are of the plain images. Ours: what goes to memory is the network's output with its running statistics
 * (the code has it in training mode), and memory is filled in random order. Not verified against published numbers.
 */
public final class Mlkd implements Method {
    private static final String NAME = "mlkd";
    /** What the names of tensors in checkpoints begin with. */
    private static final String TEACHERS = "teachers.";

    private static final String MEMORY = "memory.";
    /** Name of the tensor of how many unlabelled batches were drawn. */
    private static final String UNLABELLED = "unlabelled";

    /** How the method is registered. */
    static final List<Registration<Method>> REGISTERED = List.of(
            variant(NAME, "MLKD with self-supervision", MlkdOptions.GROUP).withPresets(MlkdOptions.PRESETS),
            variant("mlkd-baseline", "mlkd's cross-entropy, replay and constraints alone", MlkdOptions.BASELINE),
            variant("mlkd-ssl-alone", "mlkd without distillation", MlkdOptions.SSL_ALONE),
            variant("mlkd-alone", "mlkd without self-supervision", MlkdOptions.MLKD_ALONE));

    private static Registration<Method> variant(String name, String description, OptionGroup<MlkdOptions> group) {
        return Registration.of(name, description, group, options -> new Mlkd(name, options, group));
    }

    private final String name;
    private final MlkdOptions options;
    private final OptionGroup<MlkdOptions> group;
    private final Arena arena = Arena.ofShared();

    @SuppressWarnings("NullAway.Init") // set by begin, which comes first
    private Learner learner;

    @SuppressWarnings("NullAway.Init") // set by begin, which comes first
    private Experience experience;

    /** Null where nothing teaches. */
    private @Nullable MlkdTeachers teachers;
    /** Null where no feature is kept. */
    private @Nullable FeatureMemory memory;
    /** Null where it is off. */
    private @Nullable SelfSupervision self;
    /** Null where nothing is learnt from them. */
    private @Nullable UnlabelledBatches unlabelled;

    /** Null between experiences. */
    private @Nullable MlkdLoss loss;

    /**
     * A new one, for one run.
     *
     * @param options of the loss
     */
    public Mlkd(MlkdOptions options) {
        this(NAME, options, MlkdOptions.GROUP);
    }

    private Mlkd(String name, MlkdOptions options, OptionGroup<MlkdOptions> group) {
        this.name = name;
        this.options = options;
        this.group = group;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public SequencedMap<String, String> options() {
        return group.texts(options);
    }

    @Override
    public Settings settle(Settings asked) {
        return asked.withoutExemplars();
    }

    @Override
    public boolean repeats() {
        return true;
    }

    @Override
    public int classes(Stream stream, Experience next) {
        return stream.classes();
    }

    @Override
    public boolean resumes() {
        return true;
    }

    @Override
    public void resume(Learner now, Experience last, Optional<Snapshots> snapshots) {
        prepare(now);
        experience = last;
    }

    @Override
    public void save(SafetensorsWriter to, String prefix) {
        if (teachers != null) {
            teachers.save(to, prefix + TEACHERS);
        }
        if (memory != null) {
            memory.save(to, prefix + MEMORY);
        }
        if (self != null) {
            self.save(to, prefix);
        }
        if (unlabelled != null) {
            to.add(prefix + UNLABELLED, Shape.of(1), new int[] {unlabelled.drawn()});
        }
    }

    @Override
    public void restore(Safetensors from, String prefix) {
        if (teachers != null) {
            teachers.restore(from, prefix + TEACHERS);
        }
        if (memory != null) {
            memory.restore(from, prefix + MEMORY);
        }
        if (self != null) {
            self.restore(from, prefix);
        }
        if (unlabelled != null) {
            unlabelled.goOnAfter(from.ints(prefix + UNLABELLED)[0]);
        }
    }

    @Override
    public void begin(Learner now, Experience next) {
        prepare(now);
        experience = next;
        closeExperience();
        if (teachers != null) {
            teachers.begin(next.index());
        }
        loss = new MlkdLoss(
                now.engine(),
                options,
                next.index(),
                next.classes().begin(),
                next.present(),
                next.classes().end(),
                now.network().classes(),
                teachers == null ? 0 : teachers.count(),
                Math.max(now.settings().training().batch(), options.unlabelledBatch()),
                dims());
        if (self != null || distilsUnlabelled()) {
            unlabelled = now.unlabelled(next, options.unlabelledBatch());
        }
    }

    private void prepare(Learner now) {
        if (learner != null) {
            return;
        }
        learner = now;
        Network network = learner.network();
        if (options.teachers() > 0) {
            teachers =
                    new MlkdTeachers(learner.engine(), network, options.teachers(), options.ema(), learner.networks());
        }
        if (options.memory() > 0) {
            memory = new FeatureMemory(options.memory(), dims(), network.classes(), learner.seed());
        }
        if (options.ssl() != MlkdOptions.Ssl.NONE) {
            self = new SelfSupervision(learner.engine(), options.ssl(), network.image(), dims(), arena, learner.seed());
        }
    }

    private int dims() {
        return learner.network().classifier().weight().shape().extent(1);
    }

    private boolean distilsUnlabelled() {
        return teachers != null
                && experience.index() > 0
                && (options.beta(experience.index()) > 0 || options.relationWeight() > 0);
    }

    @Override
    public List<Parameter> parameters() {
        return self == null ? List.of() : self.parameters();
    }

    @Override
    public void loss(Pass pass, Terms terms) {
        MlkdLoss now = Objects.requireNonNull(loss, "a batch outside of an experience");
        now.labels(pass.tape(), terms, pass.outputs().logits(), pass.batch().labels(), replay(pass));
        Batch batch = null;
        if (unlabelled != null) {
            try (Span _ = pass.at(Part.DATA)) {
                batch = unlabelled.next();
            }
        }
        if (self != null && batch != null) {
            now.selfSupervised(
                    terms,
                    self.term(
                            pass.tape(),
                            batch,
                            learner.network().image(),
                            images -> pass.student(images).feature()));
        }
        if (teachers != null && batch != null && distilsUnlabelled()) {
            distil(pass, terms, now, teachers, batch);
        } else if (teachers != null) {
            distil(pass, terms, now, teachers);
        }
    }

    private static void distil(Pass pass, Terms terms, MlkdLoss now, MlkdTeachers from) {
        List<Outputs<Tensor>> taught = new ArrayList<>();
        try (Span _ = pass.at(Part.TEACHERS)) {
            for (int k = 0; k < from.count(); k++) {
                taught.add(pass.own(from.outputs(k, pass.images())));
            }
        }
        labelled(pass, terms, now, taught);
    }

    private void distil(Pass pass, Terms terms, MlkdLoss now, MlkdTeachers from, Batch batch) {
        Tensor strong = pass.tensor(batch.rows(), batch.view(UnlabelledBatches.STRONG));
        TeacherOutputs taught;
        try (Span _ = pass.at(Part.TEACHERS)) {
            taught = outputs(pass, from, strong, batch);
        }
        labelled(pass, terms, now, taught.labelled);
        Outputs<Variable> outputs = pass.student(pass.tape().input(strong));
        now.unlabelled(
                pass.tape(), terms, outputs.logits(), outputs.feature(), taught(taught.confident, taught.strong));
    }

    private static void labelled(Pass pass, Terms terms, MlkdLoss now, List<Outputs<Tensor>> taught) {
        now.labelled(pass.tape(), terms, pass.outputs().feature(), pass.batch().labels(), taught(taught, taught));
    }

    /**
     * Outputs of every teacher, the newest first.
     *
     * @param labelled for labelled images
     * @param strong for unlabelled images as training augments them
     * @param confident what the choice of a teacher goes by: the newest one's for the plain images, else
     *     {@code strong}
     */
    private record TeacherOutputs(
            List<Outputs<Tensor>> labelled, List<Outputs<Tensor>> strong, List<Outputs<Tensor>> confident) {}

    private TeacherOutputs outputs(Pass pass, MlkdTeachers from, Tensor strong, Batch batch) {
        Tensor weak = pass.own(pass.tensor(batch.rows(), batch.view(UnlabelledBatches.WEAK)));
        List<Outputs<Tensor>> ofLabelled = new ArrayList<>();
        List<Outputs<Tensor>> ofStrong = new ArrayList<>();
        List<Outputs<Tensor>> confident = new ArrayList<>();
        for (int k = 0; k < from.count(); k++) {
            List<Tensor> batches = k == 0 ? List.of(pass.images(), strong, weak) : List.of(pass.images(), strong);
            int teacher = k;
            List<Outputs<Tensor>> outputs = options.teacherBatches() == MlkdOptions.TeacherBatches.JOINED
                    ? from.joined(k, batches)
                    : batches.stream()
                            .map(images -> from.outputs(teacher, images))
                            .toList();
            outputs.forEach(pass::own);
            ofLabelled.add(outputs.get(0));
            ofStrong.add(outputs.get(1));
            confident.add(outputs.getLast());
        }
        return new TeacherOutputs(ofLabelled, ofStrong, confident);
    }

    private static MlkdLoss.Taught taught(List<Outputs<Tensor>> confident, List<Outputs<Tensor>> features) {
        return new MlkdLoss.Taught(
                confident.stream().map(Outputs::logits).toList(),
                features.stream().map(Outputs::feature).toList());
    }

    /** Memory goes through the head alone. Null while there is none. */
    private MlkdLoss.@Nullable Replay replay(Pass pass) {
        if (memory == null || memory.size() == 0) {
            return null;
        }
        List<FeatureMemory.Item> items = memory.draw(options.memoryBatch());
        int classes = learner.network().classes();
        float[] features = new float[items.size() * dims()];
        float[] logits = new float[items.size() * classes];
        for (int i = 0; i < items.size(); i++) {
            System.arraycopy(items.get(i).feature(), 0, features, i * dims(), dims());
            System.arraycopy(items.get(i).logits(), 0, logits, i * classes, classes);
        }
        Head head = learner.network().classifier();
        Variable kept = pass.tape().input(pass.engine().tensor(Shape.of(items.size(), dims()), features));
        return new MlkdLoss.Replay(
                pass.tape().linear(kept, head.weight(), head.bias()),
                logits,
                items.stream().mapToInt(FeatureMemory.Item::label).toArray());
    }

    @Override
    public void stepped() {
        if (teachers != null) {
            teachers.follow();
        }
    }

    @Override
    public void end(Learner now, Experience over) {
        closeExperience();
        FeatureMemory features = memory;
        if (features == null) {
            return;
        }
        int[] images = over.train().clone();
        SplitMix64.of(learner.seed(), over.index()).shuffle(images);
        try (FrozenNetwork frozen = now.freeze()) {
            now.trainingImages().run(frozen, images, false, (first, batch, outputs) -> {
                float[] feature = now.engine().toArray(outputs.feature());
                float[] logits = now.engine().toArray(outputs.logits());
                int classes = outputs.logits().shape().extent(1);
                for (int row = 0; row < batch.rows(); row++) {
                    float[] kept = Arrays.copyOfRange(logits, row * classes, (row + 1) * classes);
                    Arrays.fill(kept, over.classes().end(), classes, (float) FixedLogits.UNSEEN);
                    features.add(new FeatureMemory.Item(
                            Arrays.copyOfRange(feature, row * dims(), (row + 1) * dims()),
                            kept,
                            now.stream().relabel(batch.labels()[row])));
                }
            });
        }
    }

    /** The network as it started the first experience knows nothing to add. */
    @Override
    public List<FrozenNetwork> companions() {
        return teachers != null && options.ensemble() && experience.index() > 0
                ? List.of(teachers.freezeNewest())
                : List.of();
    }

    private void closeExperience() {
        if (loss != null) {
            loss.close();
            loss = null;
        }
        if (unlabelled != null) {
            unlabelled.close();
            unlabelled = null;
        }
    }

    @Override
    public long memoryBytes() {
        return (memory == null ? 0 : memory.bytes()) + (teachers == null ? 0 : teachers.bytes());
    }

    @Override
    public void close() {
        closeExperience();
        if (teachers != null) {
            teachers.close();
        }
        arena.close();
    }
}
