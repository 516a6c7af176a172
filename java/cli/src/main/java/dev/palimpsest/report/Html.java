package dev.palimpsest.report;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.regex.Pattern;

/**
 * Writes HTML element by element. Text and attributes' values are escaped here and nowhere else: there is no way in for
 * markup but drawings and the page's own style, which are checked for what could run or fetch anything.
 */
final class Html {
    /** No script, no request, no frame; a page that is sent on stays what it was. */
    private static final String POLICY =
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

    private static final Pattern NAME = Pattern.compile("[a-z][a-z0-9-]*");
    private static final Pattern ACTIVE = Pattern.compile(
            "<(script|foreignObject|iframe|image|a|use|style|animate|set)\\b|[\\s\"'/]on\\w+\\s*=|javascript:|<!|<\\?"
                    + "|href\\s*=",
            Pattern.CASE_INSENSITIVE);

    private final StringBuilder markup = new StringBuilder();
    private final Deque<String> open = new ArrayDeque<>();

    /** An empty piece, for children of an element. */
    Html() {}

    /**
     * The head of a page, and its body opened.
     *
     * @param css the page's own style, a resource of this library
     */
    static Html page(String title, String css) {
        if (css.contains("<")) {
            throw new IllegalArgumentException("a style with '<'");
        }
        Html page = new Html();
        page.markup.append("<!DOCTYPE html>\n");
        page.open("html", "lang", "en").open("head");
        page.empty("meta", "charset", "utf-8");
        page.empty("meta", "http-equiv", "Content-Security-Policy", "content", POLICY);
        page.empty("meta", "name", "viewport", "content", "width=device-width, initial-scale=1");
        page.element("title", title).open("style");
        page.markup.append('\n').append(css);
        return page.close().close().open("body");
    }

    /**
     * A drawing by this library's plots.
     *
     * @throws IllegalStateException if it could run or fetch anything
     */
    static Html drawing(String svg) {
        if (ACTIVE.matcher(svg).find()) {
            throw new IllegalStateException("a drawing with active content: Palimpsest made a mistake");
        }
        Html drawing = new Html();
        drawing.markup.append(svg);
        return drawing;
    }

    /**
     * Opens an element.
     *
     * @param attributes names and values in turn
     */
    Html open(String element, String... attributes) {
        tag(element, attributes);
        open.push(element);
        return this;
    }

    /** Closes the element opened last. */
    Html close() {
        markup.append("</").append(open.pop()).append(">\n");
        return this;
    }

    /** An element of text alone. */
    Html element(String element, String text, String... attributes) {
        return open(element, attributes).text(text).close();
    }

    Html text(String text) {
        markup.append(escape(text));
        return this;
    }

    /** Another piece, whole. */
    Html add(Html piece) {
        markup.append(piece);
        return this;
    }

    private void empty(String element, String... attributes) {
        tag(element, attributes);
        markup.append('\n');
    }

    private void tag(String element, String... attributes) {
        markup.append('<').append(name(element));
        for (int i = 0; i < attributes.length; i += 2) {
            markup.append(' ')
                    .append(name(attributes[i]))
                    .append("=\"")
                    .append(escape(attributes[i + 1]))
                    .append('"');
        }
        markup.append('>');
    }

    private static String name(String name) {
        if (!NAME.matcher(name).matches() || name.startsWith("on")) {
            throw new IllegalArgumentException("'" + name + "' is no name of an element or attribute");
        }
        return name;
    }

    /** For content and for attributes in double quotes; control characters, which HTML has no way to write, go. */
    static String escape(String text) {
        return Table.printable(text)
                .replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;")
                .replace("'", "&#39;");
    }

    /** The markup so far. */
    @Override
    public String toString() {
        if (!open.isEmpty()) {
            throw new IllegalStateException("not closed: " + open);
        }
        return markup.toString();
    }
}
