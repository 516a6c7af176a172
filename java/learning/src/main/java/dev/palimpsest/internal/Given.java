package dev.palimpsest.internal;

import java.util.List;

/** Elements of lists and arrays that a caller gives: instead of the JDK's exception for null, which names nothing. */
public final class Given {
    private Given() {}

    /**
     * One of several things.
     *
     * @param <T> its type
     * @param element that was given
     * @param what it is called
     * @param index of it, from 0
     * @param expected in its place
     * @return the element
     * @throws NullPointerException with a sentence, if it is null
     */
    public static <T> T element(T element, String what, int index, String expected) {
        if (element == null) {
            throw new NullPointerException(what + " " + index + " is null: expected " + expected);
        }
        return element;
    }

    /**
     * All of a list.
     *
     * @param <T> of its elements
     * @param elements that were given
     * @param what one of them is called
     * @param expected in the place of each
     * @return a copy that does not change
     * @throws NullPointerException with a sentence that names the index, if one is null
     */
    public static <T> List<T> all(List<T> elements, String what, String expected) {
        int index = 0;
        for (T element : elements) {
            element(element, what, index++, expected);
        }
        return List.copyOf(elements);
    }
}
