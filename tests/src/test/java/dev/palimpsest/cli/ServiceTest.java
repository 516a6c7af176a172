package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.ContinualClassifier;
import dev.palimpsest.Samples;
import dev.palimpsest.Setup;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Over HTTP, as a browser would: coloured pictures under noise, a class a colour. */
class ServiceTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String TOKEN = "right";
    private static final int BYTES = 100_000;
    private static final int PIXELS = 1000;

    @TempDir
    private Path temporary;

    private ContinualClassifier model;
    private Service service;
    private final HttpClient client = HttpClient.newHttpClient();

    @BeforeEach
    void serve() throws IOException {
        model = ContinualClassifier.create(
                temporary.resolve("model"), Setup.images(3, 12, 12).withEpochs(4));
        List<BufferedImage> pictures = new ArrayList<>();
        List<String> names = new ArrayList<>();
        for (int i = 0; i < 24; i++) {
            pictures.addAll(List.of(picture(Color.RED, i), picture(Color.BLUE, i)));
            names.addAll(List.of("red", "blue"));
        }
        model.learn(Samples.of(pictures, names, model.setup()));
        service = new Service(
                model,
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                new Service.Limits(TOKEN, BYTES, PIXELS, 1));
    }

    @AfterEach
    void end() {
        service.close();
        model.close();
        client.close();
    }

    /** A colour with some specks. */
    static BufferedImage picture(Color colour, int seed) {
        Random random = new Random(seed);
        BufferedImage picture = new BufferedImage(16, 14, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = picture.createGraphics();
        graphics.setColor(colour);
        graphics.fillRect(0, 0, 16, 14);
        for (int p = 0; p < 25; p++) {
            picture.setRGB(random.nextInt(16), random.nextInt(14), random.nextInt(1 << 24));
        }
        graphics.dispose();
        return picture;
    }

    private static byte[] png(BufferedImage picture) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ImageIO.write(picture, "png", out);
        return out.toByteArray();
    }

    private static byte[] lesson(String name, Color colour, int images) throws IOException {
        ObjectNode request = JSON.createObjectNode().put("class", name);
        ArrayNode files = request.putArray("images");
        for (int i = 0; i < images; i++) {
            files.add(png(picture(colour, 100 + i)));
        }
        return JSON.writeValueAsBytes(request);
    }

    @Test
    void aClassIsTaughtRecognisedRolledBackAndForgotten() throws Exception {
        JsonNode red = answered(post("/classify", png(picture(Color.RED, 77)), ""));
        assertEquals("red", red.get("class").asText());
        assertTrue(red.get("probability").asDouble() > 0.5, red.toString());
        assertEquals(2, red.get("classes").size());
        JsonNode lesson = answered(post("/learn", lesson("<green>", Color.GREEN, 6), TOKEN));
        assertEquals("registered", lesson.get("kind").asText());
        assertEquals("<green>", lesson.at("/newClasses/0").asText());
        byte[] green = png(picture(Color.GREEN, 78));
        assertEquals(
                "<green>", answered(post("/classify", green, "")).get("class").asText());
        JsonNode versions = answered(get("/versions"));
        assertEquals(2, versions.get("current").asInt());
        assertEquals("", versions.get("progress").asText());
        assertEquals(5, versions.at("/versions/1/classes/2/samples").asInt(), "one of six is held out");
        assertEquals(1, versions.at("/versions/1/classes/2/accuracy").asDouble());
        assertEquals(
                1,
                answered(post("/rollback", "{\"version\": 1}", TOKEN))
                        .get("current")
                        .asInt());
        assertFalse(answered(post("/classify", green, "")).get("class").asText().contains("green"));
        JsonNode forgotten = answered(post("/forget", "{\"class\": \"red\"}", TOKEN));
        assertEquals("forgotten", forgotten.get("kind").asText());
        assertEquals(List.of("blue"), model.current().classNames());
        assertFalse(answered(post("/cancel", "{}", TOKEN)).get("cancelled").asBoolean(), "no lesson is learnt");
    }

    @Test
    void whatChangesTheModelNeedsTheToken() throws Exception {
        for (String path : List.of("/learn", "/rollback", "/forget", "/cancel")) {
            for (String token : List.of("", "wrong", TOKEN + "x")) {
                refused(403, "needs the token", post(path, lesson("green", Color.GREEN, 2), token));
            }
            refused(405, "Expected POST " + path, get(path));
        }
        assertEquals(1, model.versions().size());
        refused(405, "Expected POST /forget.", post("/forget/red", "{\"class\": \"red\"}", TOKEN));
    }

    @Test
    void largeUploadsAndLargePicturesAreRefused() throws Exception {
        refused(413, "may have " + BYTES + " bytes", post("/classify", new byte[BYTES + 1], ""));
        refused(413, "may have " + BYTES + " bytes", post("/learn", new byte[3 * BYTES], TOKEN));
        refused(413, "may have 65536 bytes", post("/rollback", new byte[BYTES], TOKEN));
        refused(
                400,
                "its header says 40×26 pixels, at most 1,000 are read",
                post("/classify", png(new BufferedImage(26, 40, BufferedImage.TYPE_INT_RGB)), ""));
        refused(400, "image 1 cannot be read", post("/classify", "no picture", ""));
        ObjectNode second = JSON.createObjectNode().put("class", "mixed");
        second.putArray("images").add(png(picture(Color.RED, 1))).add("no picture".getBytes(StandardCharsets.UTF_8));
        refused(400, "image 2 cannot be read", post("/learn", JSON.writeValueAsBytes(second), TOKEN));
        assertEquals(1, model.versions().size());
    }

    @Test
    void whatIsNotUnderstoodIsOneSentence() throws Exception {
        refused(400, "not the JSON", post("/learn", "{", TOKEN));
        refused(400, "lacks class", post("/learn", "{}", TOKEN));
        refused(400, "lacks images", post("/learn", "{\"class\": \"green\"}", TOKEN));
        refused(400, "no file in base64", post("/learn", "{\"class\": \"green\", \"images\": [\"*\"]}", TOKEN));
        refused(400, "blank", post("/learn", lesson(" ", Color.GREEN, 2), TOKEN));
        refused(400, "there is no version 7: the model has 1 to 1", post("/rollback", "{\"version\": 7}", TOKEN));
        refused(400, "lacks version", post("/rollback", "{\"version\": 1.5}", TOKEN));
        refused(400, "lacks version", post("/rollback", "{}", TOKEN));
        refused(400, "cannot be written in a line", post("/learn", lesson("a\nb", Color.GREEN, 2), TOKEN));
        refused(400, "knows no class 'violet'", post("/forget", "{\"class\": \"violet\"}", TOKEN));
    }

    @Test
    void whatIsNoImageInBase64IsOneSentence() throws Exception {
        for (String images : List.of("[null]", "[3]", "[[\"\"]]", "[\"!\"]")) {
            HttpResponse<String> response = post("/learn", "{\"class\":\"c\",\"images\":" + images + "}", TOKEN);
            refused(400, "Of images, the one at 0 is no file in base64.", response);
        }
        refused(400, "it is not JSON, as something follows its end", post("/rollback", "{\"version\":1}{}", TOKEN));
        refused(400, "it is JSON with a name twice", post("/rollback", "{\"version\":1,\"version\":2}", TOKEN));
    }

    @Test
    void slowUploadsHoldNobodyElseForLong() throws Exception {
        List<Socket> slow = new ArrayList<>();
        try {
            for (int i = 0; i < 2; i++) {
                Socket socket = new Socket(
                        service.address().getHost(), service.address().getPort());
                slow.add(socket);
                socket.getOutputStream()
                        .write(("POST /classify HTTP/1.1\r\nHost: "
                                        + service.address().getAuthority() + "\r\nContent-Length: 1000\r\n\r\nslow")
                                .getBytes(StandardCharsets.US_ASCII));
            }
            HttpResponse<String> response;
            do {
                response = post("/classify", png(picture(Color.RED, 1)), "");
            } while (response.statusCode() == 200); // they may not have arrived
            refused(503, "2 other uploads are still being received: try again later.", response);
            assertEquals(200, get("/versions").statusCode());
        } finally {
            for (Socket socket : slow) {
                socket.close();
            }
        }
    }

    @Test
    void thePageNeedsNothingFromOutside() throws Exception {
        HttpResponse<String> page = get("/");
        assertEquals(200, page.statusCode());
        assertTrue(page.headers()
                .firstValue("Content-Security-Policy")
                .orElseThrow()
                .startsWith("default-src 'none'"));
        assertFalse(page.body().matches("(?s).*(https?:)?//[a-z].*"), "no address of another machine");
        for (String path : List.of("/versions", "/classify", "/learn", "/rollback", "/forget", "/cancel")) {
            assertTrue(page.body().contains("'" + path + "'"), path);
        }
        assertEquals(404, get("/model.json").statusCode());
        assertEquals(404, get("/../model/model.json").statusCode());
    }

    /** A page elsewhere can have its own name point here; browsers say under which name they ask. */
    @Test
    void otherNamesOfThisAddressAndPagesOfOtherSitesAreRefused() throws Exception {
        String own = service.address().getRawAuthority();
        for (String headers : List.of(
                "Host: evil.example",
                "Host: evil.example:80\r\nOrigin: http://evil.example",
                "Host: " + own + "\r\nOrigin: http://evil.example",
                "Host: " + own + "\r\nOrigin: null",
                "Host: " + own + ".evil.example")) {
            String answer = versions(service, headers);
            assertTrue(answer.startsWith("HTTP/1.1 403"), headers + ": " + answer);
            assertFalse(answer.contains("blue"), answer);
        }
        for (String headers : List.of(
                "Host: " + own,
                "Host: " + own + "\r\nOrigin: http://" + own,
                "Host: LocalHost:" + service.address().getPort())) {
            assertTrue(versions(service, headers).startsWith("HTTP/1.1 200"), headers);
        }
    }

    /** The address is printed in its long form; what a browser then sends is the short one. */
    @Test
    void anAddressOfIpv6IsKnownInItsShortForm() throws Exception {
        try (Service other =
                new Service(model, new InetSocketAddress("::1", 0), new Service.Limits(TOKEN, BYTES, PIXELS, 1))) {
            assertTrue(
                    versions(other, "Host: [::1]:" + other.address().getPort()).startsWith("HTTP/1.1 200"));
        } catch (SocketException e) {
            abort("this machine has no IPv6: " + e);
        }
    }

    private static String versions(Service service, String headers) throws IOException {
        try (Socket socket = new Socket()) {
            String host = service.address().getHost();
            socket.connect(new InetSocketAddress(host, service.address().getPort()));
            socket.getOutputStream()
                    .write(("GET /versions HTTP/1.1\r\n" + headers + "\r\nConnection: close\r\n\r\n")
                            .getBytes(StandardCharsets.US_ASCII));
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    @Test
    void anAddressThatIsTakenIsOneSentence() {
        IOException e = assertThrows(
                IOException.class,
                () -> new Service(
                        model,
                        new InetSocketAddress(
                                service.address().getHost(), service.address().getPort()),
                        new Service.Limits(TOKEN, BYTES, PIXELS, 1)));
        assertTrue(e.getMessage().startsWith("Cannot listen at "), e.getMessage());
    }

    private HttpResponse<String> get(String path) throws IOException, InterruptedException {
        return client.send(
                HttpRequest.newBuilder(service.address().resolve(path)).build(), HttpResponse.BodyHandlers.ofString());
    }

    private HttpResponse<String> post(String path, String body, String token) throws IOException, InterruptedException {
        return post(path, body.getBytes(StandardCharsets.UTF_8), token);
    }

    private HttpResponse<String> post(String path, byte[] body, String token) throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(service.address().resolve(path))
                .POST(HttpRequest.BodyPublishers.ofByteArray(body));
        if (!token.isEmpty()) {
            request.header(Service.TOKEN, token);
        }
        return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    private static JsonNode answered(HttpResponse<String> response) throws IOException {
        assertEquals(200, response.statusCode(), response.body());
        return JSON.readTree(response.body());
    }

    private static void refused(int status, String part, HttpResponse<String> response) throws IOException {
        assertEquals(status, response.statusCode(), response.body());
        String sentence = JSON.readTree(response.body()).get("error").asText();
        assertTrue(sentence.contains(part), sentence);
    }
}
