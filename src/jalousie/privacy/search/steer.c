/* Steering: a small Bayesian regression, learned during the search, that foresees how many rows a scheme suppresses and how many
   classes it has. It only chooses what to look at next; the proof rests on looks alone. */
#include "kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_TERMS 256      /* the covariance has its square many entries */
#define NOISE 0.05          /* variance of one observation around the model */
#define ENTRY_VARIANCE 0.3  /* prior variance of the effect of one level of one column */

/* Prior: value = intercept + slope * (sum of the columns' entropies), loosely held. */
int new_fit(Fit *fit, const Problem *p, const double *entropy, double intercept, double slope) {
    int n = fit->terms = p->entries + 2 <= MOST_TERMS ? p->entries + 2 : 2;
    fit->theta = calloc((size_t)n, sizeof *fit->theta);
    fit->gain = calloc((size_t)n, sizeof *fit->gain);
    fit->covariance = calloc((size_t)n * (size_t)n, sizeof *fit->covariance);
    fit->entry = malloc((size_t)p->entries * sizeof *fit->entry);
    fit->residual = 0.1;
    fit->seen = 0;
    if (fit->theta == NULL || fit->gain == NULL || fit->covariance == NULL || fit->entry == NULL) return OUT_OF_MEMORY;
    fit->theta[0] = intercept;
    fit->theta[1] = slope;
    for (int i = 0; i < n; i++) fit->covariance[(int64_t)i * n + i] = i == 0 ? 100 : i == 1 ? 1 : ENTRY_VARIANCE;
    for (int j = 0; j < p->entries; j++) fit->entry[j] = slope * entropy[j];
    return 0;
}

void free_fit(Fit *fit) {
    free(fit->theta);
    free(fit->gain);
    free(fit->covariance);
    free(fit->entry);
    memset(fit, 0, sizeof *fit);
}

double predict(const Fit *fit, const Problem *p, const uint8_t *levels) {
    double value = fit->theta[0];
    for (int d = 0; d < p->columns; d++) value += fit->entry[p->column[d].first + levels[d]];
    return value;
}

/* Recursive least squares with the sparse row (1, entropy, 1 at each column's level). */
void learn(Fit *fit, const Problem *p, const double *entropy, const uint8_t *levels, double value) {
    int n = fit->terms;
    double h = 0, error = value - predict(fit, p, levels), variance;
    for (int d = 0; d < p->columns; d++) h += entropy[p->column[d].first + levels[d]];
    double *g = fit->gain, *cov = fit->covariance;
    for (int i = 0; i < n; i++) g[i] = cov[i] + h * cov[n + i]; /* rows 0 and 1: the matrix is symmetric */
    for (int d = 0; n > 2 && d < p->columns; d++) {
        const double *row = cov + (int64_t)n * (2 + p->column[d].first + levels[d]);
        for (int i = 0; i < n; i++) g[i] += row[i];
    }
    variance = NOISE + g[0] + h * g[1];
    for (int d = 0; n > 2 && d < p->columns; d++) variance += g[2 + p->column[d].first + levels[d]];
    for (int i = 0; i < n; i++) {
        double scaled = g[i] / variance, *row = cov + (int64_t)n * i;
        fit->theta[i] += scaled * error;
        for (int j = 0; j < n; j++) row[j] -= scaled * g[j];
    }
    for (int j = 0; j < p->entries; j++) fit->entry[j] = fit->theta[1] * entropy[j] + (n > 2 ? fit->theta[2 + j] : 0);
    if (fit->seen++ > 2) fit->residual += 0.1 * (error * error - fit->residual);
}
