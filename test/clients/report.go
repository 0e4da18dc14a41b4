// What the programs of Go clients share: the keys they are given, and how they print what they see.
package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
)

type principal struct{ name, key string }

// Nobody comes last, on connections that served the others, and gives no key.
func principals() (all []principal) {
	for _, name := range []string{"acme", "bad", "mia", "globex", "nobody"} {
		all = append(all, principal{name, os.Getenv(strings.ToUpper(name))})
	}
	return all
}

var lastSeen = map[string]string{}

func report(way, name, seen string) {
	lastSeen[name] = seen
	fmt.Println(strings.TrimSpace(way + " " + name + ": " + seen))
}

// Ids of rows, or one SQLSTATE.
func seen(ids []int64, err error) string {
	if err != nil {
		return sqlstate(err)
	}
	return strings.Trim(fmt.Sprint(ids), "[]")
}

// 200 requests at a time, over however few connections the client has.
func reportParallel(seenBy func(key string) string) {
	var right int64
	var waiting sync.WaitGroup
	all := principals()
	for number := 0; number < 200; number++ {
		who := all[number%len(all)]
		waiting.Add(1)
		go func() {
			defer waiting.Done()
			if seenBy(who.key) == lastSeen[who.name] {
				atomic.AddInt64(&right, 1)
			}
		}()
	}
	waiting.Wait()
	fmt.Printf("parallel: %d right\n", right)
}
