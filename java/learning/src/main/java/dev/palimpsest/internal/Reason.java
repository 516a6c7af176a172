package dev.palimpsest.internal;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.core.io.JsonEOFException;
import com.fasterxml.jackson.databind.JsonMappingException;
import java.io.CharConversionException;
import java.io.EOFException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.stream.Collectors;

/** Why a file could not be read, in words for a sentence: libraries' own name classes, or are a bare path. */
public final class Reason {
    private Reason() {}

    /**
     * Why a file or folder could not be read.
     *
     * @param e what went wrong
     * @return a clause without the path; for JSON with the line and the column
     */
    public static String of(IOException e) {
        return switch (e) {
            case AccessDeniedException denied -> "permission denied";
            case NoSuchFileException missing -> "there is no such file";
            case NotDirectoryException file -> "it is not a folder";
            case FileSystemException other -> other.getReason() == null ? "the system refused it" : other.getReason();
            case JsonProcessingException json -> ofJson(json) + at(json);
            case CharConversionException other -> "it is not text in UTF-8";
            case EOFException early -> "it ends too early";
            default -> e.getMessage() == null ? "the system gave no reason" : e.getMessage();
        };
    }

    /**
     * What to do about it.
     *
     * @param e what went wrong
     * @return a clause
     */
    public static String remedy(IOException e) {
        return switch (e) {
            case NoSuchFileException missing -> "check its name";
            case NotDirectoryException file -> "give a folder";
            default -> "check that it is there and that you may read it";
        };
    }

    /**
     * Something of a file that fits into a sentence.
     *
     * @param found in the file
     * @return its text, cut at a hundred characters
     */
    public static String brief(Object found) {
        String text = found.toString();
        return text.length() > 100 ? text.substring(0, 100) + "…" : text;
    }

    private static String ofJson(JsonProcessingException e) {
        return switch (e) {
            case JsonMappingException other
            when !other.getPath().isEmpty() -> "its " + path(other) + " is not what is expected there";
            case JsonMappingException other
            when other.getOriginalMessage().startsWith("Trailing token") ->
                "it is not JSON, as something follows its end";
            case JsonMappingException other -> "it is JSON of another kind than expected";
            case StreamConstraintsException deep ->
                "it is JSON too deep, or with too long a name or number, to be read";
            case JsonEOFException early -> "it is not JSON, as it ends too early";
            // The one reason in Jackson's words that needs no knowledge of Jackson.
            default ->
                e.getOriginalMessage().startsWith("Duplicate field")
                        ? "it is JSON with a name twice: " + e.getOriginalMessage()
                        : "it is not JSON";
        };
    }

    private static String path(JsonMappingException e) {
        return e.getPath().stream()
                .map(step -> step.getFieldName() == null ? "[" + step.getIndex() + "]" : "." + step.getFieldName())
                .collect(Collectors.joining())
                .replaceFirst("^\\.", "");
    }

    private static String at(JsonProcessingException e) {
        JsonLocation place = e.getLocation();
        return place == null || place.getLineNr() < 1
                ? ""
                : " (line " + place.getLineNr() + ", column " + place.getColumnNr() + ")";
    }
}
