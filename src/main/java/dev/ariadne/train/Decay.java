package dev.ariadne.train;

/** A rise and a fall; see {@link Schedule}. */
record Decay(String shape, double peak, int warmUp, int steps, double floor) implements Schedule {
    Decay {
        if (!(peak > 0) || warmUp < 0 || steps <= warmUp || !(floor >= 0 && floor <= 1)) {
            throw new IllegalArgumentException(
                    "a schedule needs a peak > 0, 0 <= warmUp < steps and a floor from 0 to 1," + " got peak " + peak
                            + ", warmUp " + warmUp + ", steps " + steps + ", floor " + floor);
        }
    }

    @Override
    public double rate(int step) {
        if (step < warmUp) {
            return peak * (step + 1) / warmUp;
        }
        double way = Math.min(1, (double) (step - warmUp) / (steps - warmUp)); // from 0 to 1
        double left = shape.equals("cosine") ? (1 + Math.cos(Math.PI * way)) / 2 : 1 - way;
        return peak * (floor + (1 - floor) * left);
    }
}
