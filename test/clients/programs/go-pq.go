package main

import (
	"context"
	"database/sql"
	"errors"

	"github.com/lib/pq"
)

func sqlstate(err error) string {
	var refused *pq.Error
	if errors.As(err, &refused) && refused.Constraint == "invalid_credential" {
		return string(refused.Code)
	}
	return err.Error()
}

func main() {
	ctx := context.Background()
	for _, who := range principals() {
		report("connection", who.name, seen(RequestsOfConnection(ctx, who.key)))
	}
	db, err := sql.Open("postgres", "sslmode=disable")
	if err != nil {
		panic(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(4)
	ofTransaction := func(key string) string { return seen(RequestsOfTransaction(ctx, db, key)) }
	for _, who := range principals() {
		report("transaction", who.name, ofTransaction(who.key))
	}
	reportParallel(ofTransaction)
}
