// Stockbleve opens a Bleve index with nothing but Bleve, for reading, and answers the queries on
// its standard input: one line of JSON each, for which it prints a line with the keys that match,
// sorted by the field startTime, the newest first.
//
//	stockbleve DIRECTORY < queries
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/search/query"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		panic(err) // the test sees it, and that the status is not 0
	}
}

func run(dir string) error {
	index, err := bleve.OpenUsing(dir, map[string]any{"read_only": true})
	if err != nil {
		return fmt.Errorf("opening %s: %w", dir, err)
	}
	defer index.Close()

	out := json.NewEncoder(os.Stdout)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		q, err := query.ParseQuery(in.Bytes())
		if err != nil {
			return fmt.Errorf("reading the query %s: %w", in.Bytes(), err)
		}
		keys, err := search(index, q)
		if err != nil {
			return fmt.Errorf("answering the query %s: %w", in.Bytes(), err)
		}
		if err := out.Encode(keys); err != nil {
			return err
		}
	}
	return nil
}

func search(index bleve.Index, q query.Query) ([]string, error) {
	r := bleve.NewSearchRequestOptions(q, 1000, 0, false)
	r.SortBy([]string{"-startTime", "_id"})
	found, err := index.Search(r)
	if err != nil {
		return nil, err
	}
	keys := []string{}
	for _, hit := range found.Hits {
		keys = append(keys, hit.ID)
	}
	return keys, nil
}
