# shellcheck shell=bash
# The page's commands, with psql told to print ids only, and of errors only the SQLSTATE.
printf '%s\n' '\set QUIET on' '\pset format unaligned' '\pset tuples_only on' '\set VERBOSITY sqlstate' >psqlrc
export PSQLRC=$PWD/psqlrc

result() { sed -e 's/|.*//' -e 's/^.*ERROR: *//' | tr '\n' ' ' | sed 's/ $//'; }

for way in connection transaction; do
  for principal in acme bad mia globex nobody; do
    key=${principal^^}
    export API_KEY=${!key-}
    case $way in
      connection) found=$(sh connection.sh 2>&1 | result) ;;
      transaction) found=$(psql -f transaction.sql 2>&1 | result) ;;
    esac
    echo "$way $principal:${found:+ $found}"
  done
done
