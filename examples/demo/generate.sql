-- Stands in for the trace files where they are missing: as many requests in about the same hour, the same every
-- time. Arrivals are a Poisson process; tokens follow log-normal distributions with the medians of the traces.

SET TIME ZONE 'UTC';
SELECT setseed(0.42);

INSERT INTO trace (model, timestamp, context_tokens, generated_tokens)
SELECT model, timestamptz '2023-11-16 18:15:46' + sum(gap) OVER (PARTITION BY model ORDER BY n) * interval '1 second',
       greatest(2, least(14000, exp(context_mu + context_sigma * normal_1)))::integer,
       greatest(1, least(1500, exp(generated_mu + generated_sigma * normal_2)))::integer
FROM (
  SELECT kind.*, n,
         -ln(1 - random()) * 3470 / requests AS gap,
         sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()) AS normal_1,
         sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()) AS normal_2
  FROM (VALUES ('chat', 19366, ln(1020), 0.8, ln(129), 0.9),
               ('code', 8819, ln(1500), 0.9, ln(13), 0.9))
       kind (model, requests, context_mu, context_sigma, generated_mu, generated_sigma),
       generate_series(1, kind.requests) n
) drawn;
