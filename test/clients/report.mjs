// What the programs of node clients share: the keys they are given, and how they print what they see.
const names = ['acme', 'bad', 'mia', 'globex'];
export const keys = Object.fromEntries(names.map((name) => [name, process.env[name.toUpperCase()]]));

// `seen` are ids of rows, or one SQLSTATE.
export const report = (way, principal, seen) => console.log([`${way} ${principal}:`, ...seen].join(' '));
