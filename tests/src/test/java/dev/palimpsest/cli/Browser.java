package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** One page in a headless Chromium, driven by its DevTools protocol. For one thread. */
final class Browser implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final long SECONDS = 60;
    private static final List<String> NAMES = List.of("chromium", "chromium-browser", "google-chrome");

    private final HttpClient client = HttpClient.newHttpClient();
    private final Process process;
    private final WebSocket socket;
    private final Map<Integer, BlockingQueue<JsonNode>> answers = new ConcurrentHashMap<>();
    private final List<String> complaints = new CopyOnWriteArrayList<>();
    private final List<String> asked = new CopyOnWriteArrayList<>();
    private int last;

    /** @param profile an empty folder */
    Browser(Path profile) throws IOException, InterruptedException {
        process = new ProcessBuilder(
                        program().toString(),
                        "--headless=new",
                        "--no-sandbox", // which a container's root has not
                        "--disable-gpu",
                        "--disable-dev-shm-usage",
                        "--no-first-run",
                        "--window-size=1000,1400",
                        "--remote-debugging-port=0",
                        "--user-data-dir=" + profile,
                        "about:blank")
                .redirectErrorStream(true)
                .redirectOutput(profile.resolve("output").toFile())
                .start();
        try {
            socket = client.newWebSocketBuilder()
                    .buildAsync(page(profile.resolve("DevToolsActivePort")), new Listener())
                    .join();
        } catch (IOException | InterruptedException | RuntimeException e) {
            process.destroyForcibly();
            throw e;
        }
        for (String domain : List.of("Page", "Runtime", "Log", "Network")) {
            call(domain + ".enable", JSON.createObjectNode());
        }
    }

    private static Path program() {
        String named = System.getenv("CHROMIUM");
        Stream<Path> candidates = named != null
                ? Stream.of(Path.of(named))
                : Stream.of(System.getenv("PATH").split(":"))
                        .flatMap(folder -> NAMES.stream().map(name -> Path.of(folder, name)));
        return candidates
                .filter(Files::isExecutable)
                .findFirst()
                .orElseGet(() -> fail("there is no browser: install one of " + NAMES
                        + ", or name the program in the environment variable CHROMIUM"));
    }

    private URI page(Path port) throws IOException, InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
        while (System.nanoTime() < end) {
            assertTrue(process.isAlive(), "the browser ended");
            Optional<String> number =
                    Files.exists(port) ? Files.readAllLines(port).stream().findFirst() : Optional.empty();
            if (number.isPresent()) {
                HttpRequest list = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + number.get() + "/json/list"))
                        .build();
                for (JsonNode target : JSON.readTree(
                        client.send(list, HttpResponse.BodyHandlers.ofString()).body())) {
                    if (target.path("type").asText().equals("page")) {
                        return URI.create(target.get("webSocketDebuggerUrl").asText());
                    }
                }
            }
            Thread.sleep(50);
        }
        return fail("the browser has opened no page in " + SECONDS + " s");
    }

    private final class Listener implements WebSocket.Listener {
        private final StringBuilder text = new StringBuilder();

        @Override
        public CompletionStage<?> onText(WebSocket from, CharSequence part, boolean whole) {
            text.append(part);
            if (whole) {
                receive(text.toString());
                text.setLength(0);
            }
            from.request(1);
            return null;
        }
    }

    private void receive(String message) {
        try {
            JsonNode node = JSON.readTree(message);
            switch (node.path("method").asText()) {
                case "" -> answers.get(node.get("id").asInt()).add(node);
                case "Runtime.exceptionThrown", "Log.entryAdded" -> complaints.add(message);
                case "Network.requestWillBeSent" ->
                    asked.add(node.at("/params/request/url").asText());
                default -> {} // other events tell nothing here
            }
        } catch (IOException e) {
            complaints.add(e + " in " + message);
        }
    }

    private JsonNode call(String method, ObjectNode parameters) throws InterruptedException {
        int id = ++last;
        BlockingQueue<JsonNode> answer = new LinkedBlockingQueue<>();
        answers.put(id, answer);
        ObjectNode request = JSON.createObjectNode().put("id", id).put("method", method);
        request.set("params", parameters);
        socket.sendText(request.toString(), true).join();
        JsonNode node = answer.poll(SECONDS, TimeUnit.SECONDS);
        assertTrue(node != null && !node.has("error"), method + ": " + node);
        return node.get("result");
    }

    void open(URI address) throws InterruptedException {
        call("Page.navigate", JSON.createObjectNode().put("url", "about:blank"));
        call("Page.navigate", JSON.createObjectNode().put("url", address.toString()));
        await("document.readyState", "complete");
    }

    /** The value of an expression, as text. */
    String text(String expression) throws InterruptedException {
        JsonNode result = call(
                "Runtime.evaluate",
                JSON.createObjectNode()
                        .put("expression", "String(" + expression + ")")
                        .put("returnByValue", true));
        assertTrue(!result.has("exceptionDetails"), result.toString());
        return result.at("/result/value").asText();
    }

    /** Waits until an expression is a text that matches. */
    String await(String expression, String pattern) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
        String found = text(expression);
        while (!found.matches("(?s)" + pattern)) {
            assertTrue(System.nanoTime() < end, expression + " is '" + found + "', expected " + pattern);
            Thread.sleep(50);
            found = text(expression);
        }
        return found;
    }

    /** Drops files on an element, as a hand does. @param element an expression */
    void drop(String element, List<Path> files) throws InterruptedException {
        String at = text("(e => { e.scrollIntoView({block: 'center'}); const r = e.getBoundingClientRect();"
                + " return (r.left + r.width / 2) + ' ' + (r.top + r.height / 2); })(" + element + ")");
        for (String type : List.of("dragEnter", "dragOver", "drop")) {
            ObjectNode event = JSON.createObjectNode()
                    .put("type", type)
                    .put("x", Double.parseDouble(at.split(" ")[0]))
                    .put("y", Double.parseDouble(at.split(" ")[1]));
            ObjectNode data = event.putObject("data").put("dragOperationsMask", 1);
            data.putArray("items");
            ArrayNode paths = data.putArray("files");
            files.forEach(file -> paths.add(file.toString()));
            call("Input.dispatchDragEvent", event);
        }
    }

    /** Writes into an element. @param element an expression */
    void type(String element, String text) throws InterruptedException {
        text("(" + element + ").focus()");
        call("Input.insertText", JSON.createObjectNode().put("text", text));
    }

    /** Exceptions of scripts, and what the console has of errors. */
    List<String> complaints() {
        return List.copyOf(complaints);
    }

    /** Addresses that were asked for. */
    List<String> asked() {
        return List.copyOf(asked);
    }

    @Override
    public void close() {
        socket.abort();
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
        try {
            assertTrue(process.waitFor(Duration.ofSeconds(SECONDS)), "the browser does not end");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        client.close();
    }
}
