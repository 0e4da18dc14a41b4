#include "pg/server/nearest.hpp"

namespace tenancy::pg {

NearestWord nearest_to(const char *word) {
  const int length = static_cast<int>(strlen(word));
  return {word, nullptr, Max(1, length / 2)};
}

void consider(NearestWord &nearest, const char *candidate) {
  const auto length = static_cast<int>(strlen(nearest.word));
  const auto candidate_length = static_cast<int>(strlen(candidate));
  constexpr int longest = 255;  // MAX_LEVENSHTEIN_STRLEN
  if (length > longest || candidate_length > longest) return;
  const int distance = varstr_levenshtein_less_equal(nearest.word, length, candidate, candidate_length, 1, 1,
                                                     1, nearest.distance, true);
  if (distance > nearest.distance || (distance == nearest.distance && nearest.best != nullptr)) return;
  nearest.best = candidate;
  nearest.distance = distance;
}

extern "C" {
PG_FUNCTION_INFO_V1(pg_tenancy_nearest);
Datum pg_tenancy_nearest(PG_FUNCTION_ARGS) {
  NearestWord nearest = nearest_to(text_to_cstring(PG_GETARG_TEXT_PP(0)));
  Datum *words = nullptr;
  bool *nulls = nullptr;
  int count = 0;
  deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &words, &nulls, &count);
  for (int i = 0; i < count; i++)
    if (!nulls[i]) consider(nearest, TextDatumGetCString(words[i]));
  if (nearest.best == nullptr) PG_RETURN_NULL();
  PG_RETURN_TEXT_P(cstring_to_text(nearest.best));
}
}

}  // namespace tenancy::pg
