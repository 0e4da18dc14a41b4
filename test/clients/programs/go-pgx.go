package main

import (
	"context"
	"errors"

	"github.com/jackc/pgconn"
	"github.com/jackc/pgx/v4/pgxpool"
)

func sqlstate(err error) string {
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.ConstraintName == "invalid_credential" {
		return refused.Code
	}
	return err.Error()
}

func main() {
	ctx := context.Background()
	for _, who := range principals() {
		report("connection", who.name, seen(RequestsOfConnection(ctx, who.key)))
	}
	pool, err := pgxpool.Connect(ctx, "pool_max_conns=4")
	if err != nil {
		panic(err)
	}
	defer pool.Close()
	ofTransaction := func(key string) string { return seen(RequestsOfTransaction(ctx, pool, key)) }
	for _, who := range principals() {
		report("transaction", who.name, ofTransaction(who.key))
	}
	reportParallel(ofTransaction)
}
