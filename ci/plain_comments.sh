#!/usr/bin/env bash
# Comments name their subject: they do not begin with a relative clause ("What the key may", "Who calls"), and use no
# people's verbs for code and no words that docs/design/glossary.md replaces.
#
# A reader who does not know yet what is meant cannot resolve "what comes of it". The words are those that were once all
# over this code.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mapfile -d '' files < <(find src extension test scripts ci bench -type f \( -name '*.cpp' -o -name '*.hpp' -o -name '*.sql' -o -name '*.sh' \
  -o -name '*.pl' -o -name '*.pm' -o -name '*.spec' \) -not -path '*/released/*' -not -name plain_comments.sh -print0)
awk '
  { marker = match($0, /^[ \t]*(\/\/\/?|--|#)[ \t]+/) }
  marker && (!within || FNR == 1) {
    text = substr($0, RLENGTH + 1)
    if (text ~ /^(What|Who|Whom|Whose|Whatever|Whoever) [a-z]/ && text !~ /\?/) {
      print FILENAME ":" FNR ": begins with a relative clause: " text; bad = 1
    }
  }
  marker && tolower($0) ~ /(^|[^a-z])(hand(s|ed|ing)? out|comes? of (it|this|that)|tells? nobody|what there is|who there is|the one that there is|the longer the|belongs? into|goes by|gets? past|tells? (another|others|it|us)|is told|hears? of|beside (the|these|that|a) )([^a-z]|$)/ {
    print FILENAME ":" FNR ": say it plainly (docs/design/glossary.md): " $0; bad = 1
  }
  { within = marker }
  END { exit bad }' "${files[@]}"
