package dev.palimpsest.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** An engine's copy, to see when values are known to have changed. */
public final class CountedCopy extends Mirror.Copy {
    private float[] values;
    private int renewals;

    public CountedCopy(Mirror mirror) {
        super(mirror);
    }

    @Override
    protected void renew(MemorySegment host) {
        values = host.toArray(ValueLayout.JAVA_FLOAT);
        renewals++;
    }

    /** The present values. */
    public float[] values() {
        read();
        return values.clone();
    }

    /** How often the values were copied so far, when they are wanted now. */
    public int renewals() {
        read();
        return renewals;
    }
}
