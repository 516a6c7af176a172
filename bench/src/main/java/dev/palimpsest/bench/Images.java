package dev.palimpsest.bench;

import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** Counts images besides steps, since batches of different networks have different sizes. */
@State(Scope.Thread)
@AuxCounters
public class Images {
    public long images;
}
