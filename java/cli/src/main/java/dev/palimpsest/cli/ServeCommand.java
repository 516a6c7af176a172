package dev.palimpsest.cli;

import dev.palimpsest.ContinualClassifier;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "serve",
        sortOptions = false,
        description = {
            "Shows a model that keeps learning on a page for the browser: drop images to classify them or to teach a"
                    + " class, see the versions, roll back.",
            "",
            "Only this machine reaches it, unless --bind names another address; what changes the model needs the token"
                    + " in the printed address. Ctrl-C ends it; a lesson that is being learnt then is lost, and nothing"
                    + " else."
        })
final class ServeCommand implements Callable<Integer> {
    private static final int TOKEN_BYTES = 16;
    private static final int MIB = 1 << 20;
    private static final int MEGAPIXEL = 1_000_000;
    private static final int SECONDS_FOR_OTHERS = 5;

    @Parameters(paramLabel = "MODEL", description = "The model's folder, as palimpsest learn makes it.")
    private Path folder;

    @Option(names = "--port", paramLabel = "N", order = 1, description = "0: any that is free [8017].")
    private int port = 8017;

    @Option(
            names = "--bind",
            paramLabel = "ADDRESS",
            order = 2,
            description = "Address of this machine to listen at [127.0.0.1]. Anybody who reaches it may classify; the"
                    + " connection is not encrypted.")
    private String bind = "127.0.0.1";

    @Option(
            names = "--max-upload",
            paramLabel = "MIB",
            order = 3,
            description = "Largest request, all images of a lesson together [64].")
    private int maxUpload = 64;

    @Option(
            names = "--max-pixels",
            paramLabel = "MILLIONS",
            order = 4,
            description = "Largest image, in millions of pixels [25].")
    private int maxPixels = 25;

    @Spec
    private CommandSpec command;

    @Override
    public Integer call() throws IOException {
        require(port >= 0 && port <= 65535, "--port " + port + ": expected 0 to 65535");
        require(maxUpload >= 1 && maxUpload <= 1024, "--max-upload " + maxUpload + ": expected 1 to 1024 MiB");
        require(maxPixels >= 1 && maxPixels <= 100, "--max-pixels " + maxPixels + ": expected 1 to 100 million");
        byte[] random = new byte[TOKEN_BYTES];
        new SecureRandom().nextBytes(random);
        String token = HexFormat.of().formatHex(random);
        try (ContinualClassifier model = ContinualClassifier.open(folder);
                Service service = new Service(
                        model,
                        new InetSocketAddress(address(), port),
                        new Service.Limits(token, maxUpload * MIB, maxPixels * MEGAPIXEL, SECONDS_FOR_OTHERS))) {
            PrintWriter out = command.commandLine().getOut();
            out.println("Open " + service.address() + "/#" + token);
            out.println("Ctrl-C ends it.");
            out.flush();
            new CountDownLatch(1).await(); // until the process is ended
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return ExitCode.OK;
    }

    private InetAddress address() {
        require(!bind.isBlank(), "--bind \"" + bind + "\": expected an address of this machine");
        try {
            return InetAddress.getByName(bind);
        } catch (UnknownHostException e) {
            throw new ParameterException(
                    command.commandLine(), "--bind " + bind + ": expected an address of this machine", e);
        }
    }

    private void require(boolean condition, String sentence) {
        if (!condition) {
            throw new ParameterException(command.commandLine(), sentence);
        }
    }
}
