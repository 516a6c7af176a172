package dev.palimpsest.method;

import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.loss.FixedLogits;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.model.Head;
import dev.palimpsest.model.Network;
import dev.palimpsest.model.Outputs;
import dev.palimpsest.model.Training;
import dev.palimpsest.recipe.MlkdOptions;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.stream.Batch;
import dev.palimpsest.stream.Experience;
import dev.palimpsest.stream.SplitMix64;
import dev.palimpsest.stream.Stream;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import dev.palimpsest.train.Learner;
import dev.palimpsest.train.Method;
import dev.palimpsest.train.Pass;
import dev.palimpsest.train.StepTimes.Part;
import dev.palimpsest.train.Terms;
import dev.palimpsest.train.UnlabelledBatches;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

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
 * holds the head to what it said of the features in memory when they were stored. h keeps the current classes above
 * the others. FKD is the squared distance to the features of the teacher that is surest of the row, Relation keeps how
 * rows and classes relate. Feature distillation covers labelled images in experience 0 too, where the teacher is the
 * network as it started: as published.
 *
 * <p>Where the published code is followed: teachers normalise labelled, unlabelled augmented and unlabelled plain
 * images each by themselves (option {@code teacher-batches}); the newest one's logits, for the choice and for the
 * relation, are of the plain images. Ours: what goes to memory is the network's output with its running statistics
 * (the code has it in training mode), and memory is filled in random order. Not verified against published numbers.
 */
final class Mlkd implements Method {
    private final Recipe recipe;
    private final MlkdOptions options;
    private final Arena arena = Arena.ofShared();
    private Learner learner;
    private Experience experience;
    /** Null where nothing teaches. */
    private MlkdTeachers teachers;
    /** Null where no feature is kept. */
    private FeatureMemory memory;
    /** Null where it is off. */
    private SelfSupervision self;
    /** Null where nothing is learnt from them. */
    private UnlabelledBatches unlabelled;

    private MlkdLoss loss;

    Mlkd(Recipe recipe) {
        this.recipe = recipe;
        options = recipe.mlkd();
    }

    @Override
    public int classes(Stream stream, Experience next) {
        return stream.classes();
    }

    @Override
    public void begin(Learner now, Experience next) {
        if (learner == null) {
            learner = now;
            prepare();
        }
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
                Math.max(recipe.optimiser().batch(), options.unlabelledBatch()),
                dims());
        if (self != null || distilsUnlabelled()) {
            unlabelled = now.unlabelled(next, options.unlabelledBatch());
        }
    }

    private void prepare() {
        Network network = learner.network();
        if (options.teachers() > 0) {
            teachers =
                    new MlkdTeachers(learner.engine(), network, options.teachers(), options.ema(), learner.networks());
        }
        if (options.memory() > 0) {
            memory = new FeatureMemory(options.memory(), dims(), network.classes(), recipe.seed());
        }
        if (options.ssl() != MlkdOptions.Ssl.NONE) {
            self = new SelfSupervision(learner.engine(), options.ssl(), network.image(), dims(), arena, recipe.seed());
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
        loss.labels(pass.tape(), terms, pass.outputs().logits(), pass.batch().labels(), replay(pass));
        learner.times().at(Part.DATA);
        Batch batch = unlabelled == null ? null : unlabelled.next();
        if (self != null) {
            loss.selfSupervised(
                    terms, self.term(pass.tape(), batch, learner.network().image(), images -> feature(pass, images)));
        }
        if (teachers != null) {
            distil(pass, terms, batch);
        }
        learner.times().at(Part.LOSSES);
    }

    private void distil(Pass pass, Terms terms, Batch batch) {
        Engine engine = pass.engine();
        learner.times().at(Part.TEACHERS);
        boolean both = distilsUnlabelled();
        Tensor strong = both ? tensor(batch, UnlabelledBatches.STRONG) : null;
        Tensor weak = both ? tensor(batch, UnlabelledBatches.WEAK) : null;
        Said said = both ? said(pass.images(), strong, weak) : said(pass.images());
        learner.times().at(Part.LOSSES);
        loss.labelled(
                pass.tape(),
                terms,
                pass.outputs().feature(),
                pass.batch().labels(),
                taught(said.labelled, said.labelled));
        if (both) {
            learner.times().at(Part.STUDENT);
            Outputs<Variable> outputs = student(pass, pass.tape().input(strong));
            learner.times().at(Part.LOSSES);
            List<Outputs<Tensor>> sure = new ArrayList<>(said.strong);
            sure.set(0, said.weak);
            loss.unlabelled(pass.tape(), terms, outputs.logits(), outputs.feature(), taught(sure, said.strong));
            engine.release(weak);
        }
        said.release(engine);
    }

    /**
     * What every teacher says, the newest first; {@code weak} is the newest one's. Of unlabelled images only where
     * they are distilled.
     */
    private record Said(List<Outputs<Tensor>> labelled, List<Outputs<Tensor>> strong, Outputs<Tensor> weak) {
        void release(Engine engine) {
            labelled.forEach(outputs -> outputs.forEach(engine::release));
            strong.forEach(outputs -> outputs.forEach(engine::release));
            if (weak != null) {
                weak.forEach(engine::release);
            }
        }
    }

    private Said said(Tensor labelled) {
        List<Outputs<Tensor>> all = new ArrayList<>();
        for (int k = 0; k < teachers.count(); k++) {
            all.add(teachers.outputs(k, labelled));
        }
        return new Said(all, List.of(), null);
    }

    private Said said(Tensor labelled, Tensor strong, Tensor weak) {
        List<Outputs<Tensor>> ofLabelled = new ArrayList<>();
        List<Outputs<Tensor>> ofStrong = new ArrayList<>();
        Outputs<Tensor> ofWeak = null;
        for (int k = 0; k < teachers.count(); k++) {
            List<Tensor> batches = k == 0 ? List.of(labelled, strong, weak) : List.of(labelled, strong);
            int teacher = k;
            List<Outputs<Tensor>> outputs = options.teacherBatches() == MlkdOptions.TeacherBatches.JOINED
                    ? teachers.joined(k, batches)
                    : batches.stream()
                            .map(batch -> teachers.outputs(teacher, batch))
                            .toList();
            ofLabelled.add(outputs.get(0));
            ofStrong.add(outputs.get(1));
            ofWeak = k == 0 ? outputs.get(2) : ofWeak;
        }
        return new Said(ofLabelled, ofStrong, ofWeak);
    }

    private static MlkdLoss.Taught taught(List<Outputs<Tensor>> sure, List<Outputs<Tensor>> features) {
        return new MlkdLoss.Taught(
                sure.stream().map(Outputs::logits).toList(),
                features.stream().map(Outputs::feature).toList());
    }

    private Outputs<Variable> student(Pass pass, Variable images) {
        boolean frozenNorm = recipe.method().freezeNorm() && experience.index() > 0;
        return learner.network().forward(new Training(pass.tape(), frozenNorm), images, false);
    }

    private Variable feature(Pass pass, Variable images) {
        learner.times().at(Part.STUDENT);
        Variable feature = student(pass, images).feature();
        learner.times().at(Part.LOSSES);
        return feature;
    }

    private Tensor tensor(Batch batch, int view) {
        Shape image = learner.network().image();
        return learner.engine()
                .wrap(Shape.of(batch.rows(), image.extent(0), image.extent(1), image.extent(2)), batch.view(view));
    }

    /** Memory goes through the head alone. Null while there is none. */
    private MlkdLoss.Replay replay(Pass pass) {
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
        if (memory == null) {
            return;
        }
        int[] images = over.train().clone();
        SplitMix64.of(recipe.seed(), over.index()).shuffle(images);
        try (FrozenNetwork frozen = now.freeze()) {
            now.trainingImages().run(frozen, images, false, (first, batch, outputs) -> {
                float[] features = now.engine().toArray(outputs.feature());
                float[] logits = now.engine().toArray(outputs.logits());
                int classes = outputs.logits().shape().extent(1);
                for (int row = 0; row < batch.rows(); row++) {
                    float[] said = Arrays.copyOfRange(logits, row * classes, (row + 1) * classes);
                    Arrays.fill(said, over.classes().end(), classes, (float) FixedLogits.UNSEEN);
                    memory.add(new FeatureMemory.Item(
                            Arrays.copyOfRange(features, row * dims(), (row + 1) * dims()),
                            said,
                            now.stream().relabel(batch.labels()[row])));
                }
            });
        }
    }

    /** The network as it started the first experience knows nothing to add. */
    @Override
    public List<FrozenNetwork> companions() {
        return options.ensemble() && experience.index() > 0 ? List.of(teachers.freezeNewest()) : List.of();
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
    public void close() {
        closeExperience();
        if (teachers != null) {
            teachers.close();
        }
        arena.close();
    }
}
