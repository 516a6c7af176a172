/** The command {@code palimpsest}: recipes, reports. Nothing in it is an interface for programs. */
module dev.palimpsest.cli {
    requires com.fasterxml.jackson.databind;
    requires com.twelvemonkeys.imageio.webp; // for the library, which does without where it must
    requires dev.palimpsest;
    requires info.picocli;
    requires java.desktop; // XChart's pictures
    requires java.management; // flags and garbage collectors, which run.json records
    requires jdk.httpserver; // palimpsest serve
    requires jdk.unsupported; // what a second Ctrl-C does
    requires me.tongfei.progressbar;
    requires org.apache.commons.statistics.distribution;
    requires pickle; // the challenge's scenarios
    requires static org.jspecify; // annotations for the compiler alone
    requires VectorGraphics2D;
    requires xchart;

    opens dev.palimpsest.cli to
            info.picocli;
}
