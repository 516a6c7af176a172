package dev.palimpsest.report;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.internal.Checksum;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;

/** Changes runs as somebody does who knows that they have checksums, and reads them. */
public final class EditedRun {
    private static final ObjectMapper JSON = new ObjectMapper();

    private EditedRun() {}

    /** Another content of one of a run's files, as if the run had written that. */
    public static void replace(Path file, String text) throws IOException {
        Files.writeString(file, text);
        Path record = file.resolveSibling("run.json");
        ObjectNode run = (ObjectNode) JSON.readTree(record.toFile());
        run.put("palimpsest_crc32c", Checksum.UNKNOWN);
        ((ObjectNode) run.get("files_crc32c")).put(file.getFileName().toString(), Checksum.of(file));
        byte[] sealed = JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(run);
        Checksum.mark(sealed, "\"palimpsest_crc32c\" : \"");
        Files.write(record, sealed);
    }

    /** @param folder of a run, whose files may be changed afterwards, too */
    public static void edit(Path folder, Consumer<ObjectNode> edit) throws IOException {
        Path file = folder.resolve("run.json");
        ObjectNode run = (ObjectNode) JSON.readTree(file.toFile());
        run.remove(List.of("palimpsest_crc32c", "format", "files_crc32c"));
        edit.accept(run);
        Files.writeString(file, JSON.writeValueAsString(run));
    }

    /** Every file of a run that a report shows. */
    public static void readAll(Path folder) throws IOException {
        SavedRun run = SavedRun.read(folder);
        run.steps();
        run.confusion();
    }
}
