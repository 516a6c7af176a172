package dev.palimpsest.report;

import java.io.IOException;
import java.io.InputStream;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.TimeUnit;

/** Which Palimpsest this is. */
public final class Build {
    private Build() {}

    /** The version of the library. */
    public static String version() {
        Properties properties = new Properties();
        try (InputStream in = Build.class.getResourceAsStream("/dev/palimpsest/version.properties")) {
            properties.load(in);
        } catch (IOException e) {
            throw new IllegalStateException("the library's jar is damaged: version.properties cannot be read", e);
        }
        return properties.getProperty("version");
    }

    /**
     * The git commit of the checkout the classes come from, with "-dirty" if files differ from it; empty for a jar or
     * without git.
     */
    static Optional<String> commit() {
        try {
            Path classes = Path.of(Build.class
                    .getProtectionDomain()
                    .getCodeSource()
                    .getLocation()
                    .toURI());
            if (!Files.isDirectory(classes)) {
                return Optional.empty();
            }
            Process git = new ProcessBuilder("git", "describe", "--always", "--dirty", "--abbrev=40", "--match=")
                    .directory(classes.toFile())
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            String commit = new String(git.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            return git.waitFor(5, TimeUnit.SECONDS) && git.exitValue() == 0 ? Optional.of(commit) : Optional.empty();
        } catch (IOException | URISyntaxException e) {
            return Optional.empty();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.empty();
        }
    }
}
