package dev.palimpsest.data;

import dev.palimpsest.internal.NumpyPickle;
import dev.palimpsest.internal.Reason;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;

/**
 * CIFAR in its authors' Python version, which torchvision unpacks: pickles of dictionaries with the pixels, an array
 * [images, 3072] of unsigned bytes in CHW order, and a list of labels.
 *
 * @param archive folder that the authors' archive unpacks to
 * @param nameFile file with the names of the classes
 * @param nameKey where they stand in it
 * @param trainFiles files of training images, in their order
 * @param testFile file of test images
 * @param labelKey where labels stand
 * @param md5 MD5 of the authors' archive, in hexadecimal
 */
record CifarPickles(
        String archive,
        String nameFile,
        String nameKey,
        List<String> trainFiles,
        String testFile,
        String labelKey,
        String md5) {
    List<String> names(Path folder, SortedMap<String, String> sha256) {
        Path file = folder.resolve(nameFile);
        if (!(entry(file, dictionary(file, sha256), nameKey) instanceof List<?> list)) {
            throw damaged(file, nameKey + " is not a list");
        }
        List<String> names = new ArrayList<>();
        for (Object name : list) {
            names.add(
                    switch (name) {
                        case String text -> text;
                        case byte[] bytes -> HashedFile.text(file, bytes);
                        default -> throw damaged(file, nameKey + " holds something that is not text");
                    });
        }
        return names;
    }

    /** One file's images, before their labels are checked. */
    Cifar.Part part(Path file, int pixels, SortedMap<String, String> sha256) {
        Map<?, ?> dictionary = dictionary(file, sha256);
        if (!(entry(file, dictionary, "data") instanceof NumpyPickle.Array data)
                || !data.isOfUnsignedBytes()
                || data.shape().size() != 2
                || data.shape().get(1) != pixels) {
            throw damaged(file, "data is not an array of unsigned bytes, " + pixels + " per image");
        }
        if (!(entry(file, dictionary, labelKey) instanceof List<?> list)
                || list.size() != data.shape().getFirst()) {
            throw damaged(
                    file,
                    labelKey + " is not a list of a label for each of its "
                            + data.shape().getFirst() + " images");
        }
        int[] labels = new int[list.size()];
        for (int i = 0; i < labels.length; i++) {
            if (!(list.get(i) instanceof Integer label)) { // a long is out of range, a float no label
                throw damaged(
                        file,
                        labelKey + " holds " + Reason.brief(String.valueOf(list.get(i)))
                                + ", which is not a class's number");
            }
            labels[i] = label;
        }
        return new Cifar.Part(data.bytes(), labels);
    }

    private static Map<?, ?> dictionary(Path path, SortedMap<String, String> sha256) {
        HashedFile file = HashedFile.read(path);
        sha256.put(path.getFileName().toString(), file.sha256());
        try {
            if (NumpyPickle.read(file.contents()) instanceof Map<?, ?> map) {
                return map;
            }
        } catch (IOException e) {
            throw damaged(path, String.valueOf(e.getMessage()));
        } catch (NoClassDefFoundError e) {
            throw new DataException(
                    path + " is CIFAR's Python version, and net.razorvine's pickle, which reads it, is not on the path:"
                            + " put it there, or take the binary version");
        }
        throw damaged(path, "it does not hold a dictionary");
    }

    private static Object entry(Path file, Map<?, ?> dictionary, String key) {
        Object found = dictionary.get(key);
        if (found == null) {
            throw damaged(file, "it has no " + key);
        }
        try {
            return NumpyPickle.finished(found);
        } catch (IOException e) {
            throw damaged(file, String.valueOf(e.getMessage()));
        }
    }

    private static DataException damaged(Path file, String reason) {
        return new DataException(file + " is not a file of CIFAR's Python version (" + reason + "): copy it again");
    }
}
