// Built with Debian's crates: see Cargo.toml beside it, which run.sh makes.
mod requests_of_key;

use requests_of_key::*;
use std::env;
use std::sync::Arc;
use tokio::sync::{Mutex, Semaphore};
use tokio_postgres::{Client, Config, Error, Row};

const PRINCIPALS: [&str; 4] = ["acme", "bad", "mia", "globex"];

fn key_of(principal: &str) -> String {
    if principal == "nobody" { String::new() } else { env::var(principal.to_uppercase()).unwrap() }
}

fn seen(result: Result<Vec<Row>, Error>) -> String {
    match result {
        Ok(rows) => rows.iter().map(|row| format!(" {}", row.get::<_, i64>(0))).collect(),
        Err(error) => format!(" {}", error.code().map_or("no SQLSTATE", |code| code.code())),
    }
}

async fn report_parallel(config: &Config, right: Vec<String>) {
    let mut clients: Vec<Client> = Vec::new();
    for _ in 0..4 { clients.push(connect(config).await.unwrap()) }
    let (free, pool) = (Arc::new(Semaphore::new(clients.len())), Arc::new(Mutex::new(clients)));
    let names = ["acme", "bad", "mia", "globex", "nobody"];
    let tasks: Vec<_> = (0..200).map(|number| {
        let (free, pool, expected) = (free.clone(), pool.clone(), right[number % 5].clone());
        tokio::spawn(async move {
            let _turn = free.acquire().await.unwrap();
            let mut client = pool.lock().await.pop().unwrap();
            let found = seen(requests_of_transaction(&mut client, &key_of(names[number % 5])).await);
            pool.lock().await.push(client);
            found == expected
        })
    }).collect();
    let mut count = 0;
    for task in tasks { count += usize::from(task.await.unwrap()) }
    println!("parallel: {count} right");
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut config = Config::new();
    let of = |name: &str| env::var(name).unwrap();
    config.host(&of("PGHOST")).port(of("PGPORT").parse().unwrap()).user(&of("PGUSER")).password(of("PGPASSWORD")).dbname(&of("PGDATABASE"));
    let mut right = Vec::new();
    for principal in PRINCIPALS.iter().copied().chain(["nobody"]) {
        let found = seen(requests_of_connection(&config, &key_of(principal)).await);
        println!("connection {principal}:{found}");
        right.push(found);
    }
    // Nobody comes last, on the connection that served all others, and gives no key.
    let mut client = connect(&config).await.unwrap();
    for principal in PRINCIPALS {
        println!("transaction {principal}:{}", seen(requests_of_transaction(&mut client, &key_of(principal)).await));
    }
    println!("transaction nobody:{}", seen(client.query(REQUESTS, &[]).await));
    report_parallel(&config, right).await;
}
