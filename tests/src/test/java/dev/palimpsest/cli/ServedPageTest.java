package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.ContinualClassifier;
import dev.palimpsest.Samples;
import dev.palimpsest.Setup;
import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;

/** The page of {@code palimpsest serve} in a browser. It fails where there is none: -Pbrowser asks for it. */
@Tag("browser")
class ServedPageTest {
    private static final String TOKEN = "right";

    /** A browser that ends may still write into its profile. */
    @TempDir(cleanup = CleanupMode.NEVER)
    private Path profile;

    @TempDir
    private Path temporary;

    @Test
    void imagesAreDroppedClassesTaughtAndVersionsGoneBackTo() throws Exception {
        try (ContinualClassifier model = taught();
                Service service = new Service(
                        model,
                        new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                        new Service.Limits(TOKEN, 1_000_000, 10_000, 5));
                Browser browser = new Browser(profile)) {
            URI address = service.address();
            browser.open(URI.create(address + "/#" + TOKEN));
            browser.await(of("state"), "Version 1 classifies\\.");

            browser.drop("at('ask')", List.of(file("red", Color.RED, 50)));
            browser.await(of("answer"), "red, [\\d.]+ %");
            assertEquals("2", browser.text("at('classes').rows.length"));
            assertEquals("true", browser.text("at('image').complete && at('image').naturalWidth === 16"));
            browser.drop("at('ask')", List.of(unknown(model)));
            browser.await(
                    of("answer"),
                    "Unknown: it is unlike all classes; the nearest is (red|blue), [\\d.]+ times as far as what is"
                            + " known may be\\.");

            List<Path> greens = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                greens.add(file("green" + i, Color.GREEN, i));
            }
            browser.type("at('name')", "<b>green");
            browser.drop("at('teach')", greens);
            browser.await(of("lesson"), "6 images chosen\\.");
            browser.text("at('learn').click()");
            browser.await(of("lesson"), "Version 2, registered \\(.*\\), .* s: 5 images learnt from, 1 held out\\. .*");
            browser.await(of("state"), "Version 2 classifies\\.");
            assertEquals("<b>green", browser.text("at('known').rows[3].cells[0].textContent"));
            assertEquals("3", browser.text("at('versions').rows.length"), "a heading and two versions");
            assertTrue(browser.text("at('versions').rows[2].textContent").contains("<b>green: 100.0 %"));
            Path green = file("green", Color.GREEN, 60);
            browser.drop("at('ask')", List.of(green));
            browser.await(of("answer"), "<b>green, [\\d.]+ %");

            browser.text("at('versions').rows[1].querySelector('button').click()");
            browser.await(of("state"), "Version 1 classifies\\.");
            assertEquals(1, model.current().number());
            browser.drop("at('ask')", List.of(green));
            browser.await(of("answer"), "(?!<b>green).+");

            browser.drop("at('ask')", List.of(Files.writeString(temporary.resolve("notes.txt"), "no picture")));
            browser.await(of("answer"), "image 1 cannot be read \\(.*");
            assertTrue(
                    browser.complaints().stream().allMatch(line -> line.contains("400 (Bad Request)")),
                    browser.complaints().toString());

            browser.open(address);
            browser.await(of("state"), ".*open the address with its token\\.");
            assertEquals("true", browser.text("[...document.querySelectorAll('button')].every(b => b.disabled)"));
            for (String asked : browser.asked()) {
                assertTrue(asked.startsWith(address.toString()) || asked.startsWith("blob:" + address), asked);
            }
            assertFalse(browser.asked().isEmpty());
        }
    }

    private static String of(String id) {
        return "document.getElementById('" + id + "').textContent";
    }

    private ContinualClassifier taught() throws IOException {
        ContinualClassifier model = ContinualClassifier.create(
                temporary.resolve("model"), Setup.images(3, 12, 12).withEpochs(4));
        List<BufferedImage> pictures = new ArrayList<>();
        List<String> names = new ArrayList<>();
        for (int i = 0; i < 24; i++) {
            pictures.addAll(List.of(ServiceTest.picture(Color.RED, i), ServiceTest.picture(Color.BLUE, i)));
            names.addAll(List.of("red", "blue"));
        }
        model.learn(Samples.of(pictures, names, model.setup()));
        return model;
    }

    /** A colour that the model says it does not know. */
    private Path unknown(ContinualClassifier model) throws IOException {
        for (Color colour : List.of(Color.WHITE, Color.YELLOW, Color.CYAN, Color.BLACK)) {
            if (model.classify(ServiceTest.picture(colour, 1)).unknown()) {
                return file("unknown", colour, 1);
            }
        }
        throw new AssertionError("every colour is known");
    }

    private Path file(String name, Color colour, int seed) throws IOException {
        Path file = temporary.resolve(name + ".png");
        ImageIO.write(ServiceTest.picture(colour, seed), "png", file.toFile());
        return file;
    }
}
