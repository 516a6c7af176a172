package dev.palimpsest.tensor;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.SortedSet;
import java.util.TreeSet;

/** What people have in a file that should be safetensors, told by its first bytes. */
final class OtherFormat {
    private static final int MOST_INDEX_BYTES = 100_000_000;
    private static final int MOST_FILES_NAMED = 3;

    private record Beginning(String text, String what) {}

    private static final Beginning[] KNOWN = {
        new Beginning(
                "version https://git-lfs",
                "is a Git LFS pointer, which stands for the file: run 'git lfs pull' where it comes from, or download"
                        + " the file itself"),
        new Beginning("PK\3\4", pyTorch("a zip archive, as PyTorch's .pt and .pth files are")),
        new Beginning("\u0080\2", pyTorch("a pickle, as PyTorch's older .pt and .pth files are")),
        new Beginning("\u0080\4", pyTorch("a pickle")),
        new Beginning("\u0089HDF", "is HDF5, as Keras writes it: export the weights as safetensors"),
        new Beginning("\u0093NUMPY", "is a NumPy array: save it with safetensors.numpy.save_file"),
        new Beginning("GGUF", "is GGUF: take the model's safetensors files"),
        new Beginning("\u001f\u008b", "is gzip: uncompress it first"),
        new Beginning("<", "is HTML or XML, perhaps the page that describes the file: download the file itself"),
    };

    private OtherFormat() {}

    private static String pyTorch(String what) {
        return "is " + what + ": load it with torch.load(…, weights_only=True) and save its state_dict with"
                + " safetensors.torch.save_file";
    }

    /** In words that go on from "it "; empty for anything else. */
    static String of(byte[] file) {
        String head = new String(file, 0, Math.min(file.length, 64), StandardCharsets.ISO_8859_1);
        for (Beginning known : KNOWN) {
            if (head.startsWith(known.text)) {
                return known.what;
            }
        }
        return head.startsWith("{") ? json(file) : "";
    }

    private static String json(byte[] file) {
        String text = new String(Arrays.copyOf(file, Math.min(file.length, MOST_INDEX_BYTES)), StandardCharsets.UTF_8);
        SortedSet<String> files = new TreeSet<>();
        try {
            for (JsonNode name : JsonMapper.builder().build().readTree(text).path("weight_map")) {
                files.add(name.asText());
            }
        } catch (JsonProcessingException e) {
            // Damaged JSON is still no safetensors file.
        }
        if (files.isEmpty()) {
            return "is JSON text: take the file with the tensors";
        }
        return "is the index of a model whose tensors are in "
                + (files.size() == 1 ? "another file" : files.size() + " other files") + " ("
                + String.join(", ", files.stream().limit(MOST_FILES_NAMED).toList())
                + (files.size() > MOST_FILES_NAMED ? ", …" : "") + "): put them into one file with"
                + " safetensors.torch.save_file and take that";
    }
}
