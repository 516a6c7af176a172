package dev.palimpsest.data;

import java.util.List;

/** The characters that are classes; a label is the position here. */
final class GlyphClasses {
    /**
     * 100 characters that differ in most faces. Of pairs that do not there is one: upper-case C, K, O, S, U, V, W, X,
     * Z stand for their lower case, O for zero, I for lower-case l, and an accented letter that looks the same in both
     * cases comes once.
     */
    static final List<String> LATIN = characters("ABCDEFGHIJKLMNOPQRSTUVWXYZ" + "abdefghijmnpqrty" + "123456789"
            + "ÄÅÆÇÉÊÑÖØÕŒŠÚÜŽŁÞ" + "àäåâæéëêïñß" + "!?&@#$%*+=/(){}<>:;§€");

    /**
     * Greek and Cyrillic letters that no Latin letter looks like, for streams with images of classes that are never
     * labelled.
     */
    static final List<String> DISTRACTORS = characters("ΓΔΘΛΞΠΣΦΨΩζλξσω" + "БДЖИЙЛЦЧШЩЪЫЭЮЯЉЊ");

    private GlyphClasses() {}

    private static List<String> characters(String text) {
        return text.codePoints().mapToObj(Character::toString).toList();
    }
}
