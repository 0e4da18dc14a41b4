<?php
require 'requests_of_key.php';

$keys = [];
foreach (['acme', 'bad', 'mia', 'globex'] as $name) {
    $keys[$name] = getenv(strtoupper($name));
}

function report(string $way, string $principal, callable $requests): void
{
    try {
        $seen = array_column($requests(), 'request_id');
    } catch (PDOException $error) {
        $seen = [$error->getCode()];
    }
    echo implode(' ', ["$way $principal:", ...$seen]), "\n";
}

foreach ($keys + ['nobody' => ''] as $name => $key) {
    report('connection', $name, fn () => requests_of_connection($key));
}

// Nobody comes last, on the connection that served all others, and gives no key.
$db = connect();
foreach ($keys as $name => $key) {
    report('transaction', $name, fn () => requests_of_transaction($db, $key));
}
report('transaction', 'nobody', fn () => $db->query(REQUESTS)->fetchAll(PDO::FETCH_ASSOC));
