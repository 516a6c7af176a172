package dev.palimpsest.gaussian;

/** The oracle approximating shrinkage of covariances, OAS (Chen, Wiesel, Eldar, Hero 2010, eq. 23). */
final class Shrinkage {
    private Shrinkage() {}

    /**
     * (1−ρ) S + ρ tr(S)/d I, in place, with ρ = min(1, ((1−2/d) tr S² + tr² S) / ((n+1−2/d)(tr S² − tr² S/d))).
     *
     * @param covariance S, [d][d]
     * @param samples n
     */
    static void shrink(double[][] covariance, long samples) {
        int d = covariance.length;
        double trace = 0;
        double squares = 0;
        for (int i = 0; i < d; i++) {
            trace += covariance[i][i];
            for (int j = 0; j < d; j++) {
                squares += covariance[i][j] * covariance[i][j];
            }
        }
        double spread = (samples + 1 - 2.0 / d) * (squares - trace * trace / d);
        // All eigenvalues alike, so there is nothing to shrink towards; also S = 0.
        double rho = spread > 0 ? Math.min(1, ((1 - 2.0 / d) * squares + trace * trace) / spread) : 1;
        for (int i = 0; i < d; i++) {
            for (int j = 0; j < d; j++) {
                covariance[i][j] = (1 - rho) * covariance[i][j] + (i == j ? rho * trace / d : 0);
            }
        }
    }

    /**
     * The same for a covariance that is to be inverted; where nothing varies it is the identity.
     *
     * @return positive definite
     */
    static double[][] oas(double[][] covariance, long samples) {
        shrink(covariance, samples);
        boolean flat = true;
        for (int i = 0; i < covariance.length; i++) {
            flat &= covariance[i][i] == 0;
        }
        for (int i = 0; flat && i < covariance.length; i++) {
            covariance[i][i] = 1;
        }
        return covariance;
    }
}
