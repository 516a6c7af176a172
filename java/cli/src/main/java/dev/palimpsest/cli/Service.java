package dev.palimpsest.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.palimpsest.ContinualClassifier;
import dev.palimpsest.data.DataException;
import dev.palimpsest.data.Images;
import dev.palimpsest.internal.Reason;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * A model over HTTP. GET / is a page; GET /versions and POST /classify anybody may ask; POST /learn, /cancel, /rollback
 * and /forget need the token in the header {@value #TOKEN}. Answers are JSON, refusals have a sentence under
 * {@code error}. Requests run side by side; lessons follow one another.
 */
final class Service implements AutoCloseable {
    static final String TOKEN = "X-Palimpsest-Token";
    private static final System.Logger LOG = System.getLogger(Service.class.getName());
    private static final int SECONDS_PER_REQUEST = 120;
    /** Bodies that are in memory at the same time. */
    private static final int UPLOADS = 2;
    /** Bytes of a request without images. */
    private static final int SMALL = 1 << 16;

    /**
     * What a request may do.
     *
     * @param token that allows to change the model
     * @param bytes of a request's body
     * @param pixels of an image
     * @param seconds that an upload waits for others: who sends slowly is in their way for a request's time
     */
    record Limits(String token, int bytes, int pixels, int seconds) {}

    private final ServedModel model;
    private final Limits limits;
    private final ObjectMapper json;
    private final HttpServer server;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final Semaphore uploads = new Semaphore(UPLOADS);
    private final byte[] page;
    /** What the address was called when it was given. */
    private final String bound;

    /** A refusal with its HTTP status. */
    private static final class Refused extends RuntimeException {
        private static final long serialVersionUID = 1;
        private final int status;

        Refused(int status, String sentence) {
            super(sentence);
            this.status = status;
        }
    }

    @FunctionalInterface
    private interface Answer {
        JsonNode to(HttpExchange exchange) throws IOException;
    }

    /**
     * Starts to answer.
     *
     * @param model stays open
     * @throws IOException with a sentence, if the address is taken or is not one of this machine
     * @throws IllegalArgumentException if the model is not of pictures
     */
    Service(ContinualClassifier model, InetSocketAddress address, Limits limits) throws IOException {
        this.model = new ServedModel(model);
        this.limits = limits;
        bound = address.getHostString().toLowerCase(Locale.ROOT);
        json = new ObjectMapper(JsonFactory.builder()
                        .streamReadConstraints(StreamReadConstraints.builder()
                                .maxStringLength(limits.bytes)
                                .build())
                        .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                        .build())
                .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
        try (InputStream in = Service.class.getResourceAsStream("/dev/palimpsest/serve/page.html")) {
            page = in.readAllBytes();
        }
        // A client that sends nothing more must not hold its connection for ever.
        System.setProperty("sun.net.httpserver.maxReqTime", Integer.toString(SECONDS_PER_REQUEST));
        try {
            server = HttpServer.create(address, 0);
        } catch (BindException e) {
            throw new IOException(
                    "Cannot listen at " + address + " (" + e.getMessage() + "): choose another --port or --bind", e);
        }
        server.setExecutor(threads);
        server.createContext("/", this::page);
        answer("/versions", "GET", exchange -> this.model.versions());
        answer("/classify", "POST", exchange -> {
            Images image = uploaded(exchange, body -> images(List.of(body)));
            return this.model.classify(image);
        });
        change("/learn", exchange -> {
            Lesson lesson = uploaded(exchange, body -> {
                JsonNode request = json.readTree(body);
                return new Lesson(text(request, "class"), images(encoded(request)));
            });
            return this.model.learn(lesson.className, lesson.images);
        });
        change("/cancel", exchange -> this.model.cancel());
        change("/rollback", exchange -> {
            JsonNode version = json.readTree(body(exchange, SMALL)).path("version");
            if (!version.isInt()) {
                throw new Refused(400, "The request lacks version, a whole number.");
            }
            return this.model.rollBack(version.intValue());
        });
        change("/forget", exchange -> this.model.forget(text(json.readTree(body(exchange, SMALL)), "class")));
        server.start();
    }

    /** Where it is reached. */
    URI address() {
        InetSocketAddress at = server.getAddress();
        String host = at.getAddress().getHostAddress();
        return URI.create("http://" + (host.contains(":") ? "[" + host + "]" : host) + ":" + at.getPort());
    }

    private void page(HttpExchange exchange) throws IOException {
        try (exchange) {
            boolean found = exchange.getRequestURI().getPath().equals("/")
                    && exchange.getRequestMethod().equals("GET");
            exchange.getResponseHeaders().set("Content-Type", "text/html; charset=utf-8");
            exchange.getResponseHeaders()
                    .set(
                            "Content-Security-Policy",
                            "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src blob:;"
                                    + " connect-src 'self'; base-uri 'none'; form-action 'none';"
                                    + " frame-ancestors 'none'");
            send(exchange, found ? 200 : 404, found ? page : "There is only /.".getBytes(StandardCharsets.UTF_8));
        }
    }

    private record Lesson(String className, Images images) {}

    private void change(String path, Answer change) {
        answer(path, "POST", exchange -> {
            String given = exchange.getRequestHeaders().getFirst(TOKEN);
            if (given == null || !same(given, limits.token)) {
                throw new Refused(403, "Changing the model needs the token: open the address that was printed.");
            }
            return change.to(exchange);
        });
    }

    private static boolean same(String one, String other) {
        return MessageDigest.isEqual(one.getBytes(StandardCharsets.UTF_8), other.getBytes(StandardCharsets.UTF_8));
    }

    private void answer(String path, String method, Answer answer) {
        server.createContext(path, exchange -> {
            try (exchange) {
                exchange.getResponseHeaders().set("Content-Type", "application/json");
                int status = 200;
                JsonNode content;
                try {
                    requireOwnHost(exchange);
                    if (!exchange.getRequestMethod().equals(method)
                            || !exchange.getRequestURI().getPath().equals(path)) {
                        throw new Refused(405, "Expected " + method + " " + path + ".");
                    }
                    content = answered(answer, exchange);
                } catch (Refused e) {
                    status = e.status;
                    content = json.createObjectNode().put("error", e.getMessage());
                    // Who is still sending would not read the answer.
                    exchange.getRequestBody().transferTo(OutputStream.nullOutputStream());
                }
                send(exchange, status, json.writeValueAsBytes(content));
            }
        });
    }

    private JsonNode answered(Answer answer, HttpExchange exchange) {
        try {
            return answer.to(exchange);
        } catch (Refused e) {
            throw e;
        } catch (JsonProcessingException e) {
            throw new Refused(400, "The request is not the JSON that was expected: " + Reason.of(e) + ".");
        } catch (DataException | IllegalArgumentException e) {
            throw new Refused(400, String.valueOf(e.getMessage()));
        } catch (IllegalStateException | IOException | UncheckedIOException e) {
            throw new Refused(409, String.valueOf(e.getMessage()));
        } catch (RuntimeException e) {
            LOG.log(System.Logger.Level.ERROR, "Palimpsest made a mistake here; please report it with these lines", e);
            throw new Refused(500, "Palimpsest made a mistake here; the process that serves has printed it.");
        }
    }

    /**
     * A page of another site must neither read the model, under a name of its own that leads to this address, nor keep
     * it busy.
     */
    private void requireOwnHost(HttpExchange exchange) {
        String host = exchange.getRequestHeaders().getFirst("Host");
        String name = host == null ? "" : host.replaceFirst(":\\d+$", "").toLowerCase(Locale.ROOT);
        if (!server.getAddress().getAddress().isAnyLocalAddress() && !isOwn(name)) {
            throw new Refused(403, "This is " + address().getHost() + ", not " + name + ".");
        }
        String origin = exchange.getRequestHeaders().getFirst("Origin");
        if (origin != null && !origin.replaceFirst("^https?://", "").equalsIgnoreCase(host)) {
            throw new Refused(403, "A page of " + origin + " may not ask this model.");
        }
    }

    private boolean isOwn(String name) {
        InetAddress own = server.getAddress().getAddress();
        if (name.equals(bound) || (own.isLoopbackAddress() && name.equals("localhost"))) {
            return true;
        }
        try {
            return InetAddress.ofLiteral(name).equals(own); // browsers write IPv6 in its short form
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    @FunctionalInterface
    private interface Reading<T> {
        T from(byte[] body) throws IOException;
    }

    /** Of few requests at a time, so that memory is bounded. */
    private <T> T uploaded(HttpExchange exchange, Reading<T> reading) throws IOException {
        boolean free;
        try {
            free = uploads.tryAcquire(limits.seconds, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            free = false;
        }
        if (!free) {
            throw new Refused(503, UPLOADS + " other uploads are still being received: try again later.");
        }
        try {
            return reading.from(body(exchange, limits.bytes));
        } finally {
            uploads.release();
        }
    }

    private static byte[] body(HttpExchange exchange, int most) throws IOException {
        byte[] body = exchange.getRequestBody().readNBytes(most + 1);
        if (body.length > most) {
            throw new Refused(413, "This request may have " + most + " bytes: send fewer or smaller images.");
        }
        return body;
    }

    private static String text(JsonNode request, String key) {
        if (!request.path(key).isTextual()) {
            throw new Refused(400, "The request lacks " + key + ", a text.");
        }
        return request.path(key).asText();
    }

    private static List<byte[]> encoded(JsonNode request) throws IOException {
        List<byte[]> files = new ArrayList<>();
        for (JsonNode image : request.path("images")) {
            byte[] file;
            try {
                file = image.binaryValue();
            } catch (JsonProcessingException e) {
                file = null;
            }
            if (file == null) {
                throw new Refused(400, "Of images, the one at " + files.size() + " is no file in base64.");
            }
            files.add(file);
        }
        if (files.isEmpty()) {
            throw new Refused(400, "The request lacks images, an array of files in base64.");
        }
        return files;
    }

    private Images images(List<byte[]> files) {
        return Images.ofEncoded(files, model.side(), limits.pixels);
    }

    private static void send(HttpExchange exchange, int status, byte[] content) throws IOException {
        exchange.getResponseHeaders().set("X-Content-Type-Options", "nosniff");
        exchange.getResponseHeaders().set("Cache-Control", "no-store");
        exchange.sendResponseHeaders(status, content.length);
        exchange.getResponseBody().write(content);
    }

    /** Ends after the requests that are being answered; a lesson is cancelled. */
    @Override
    public void close() {
        model.cancel();
        server.stop(1);
        threads.close();
    }
}
