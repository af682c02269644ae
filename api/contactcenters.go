package api

import (
	"context"
	"slices"
	"time"

	"recordings/index"
)

// contactCenters is the handler of which contact centers there are.
type contactCenters struct {
	index   index.Index
	list    index.ContactCenters
	named   []string // by the configuration
	region  string   // of this server
	timeout time.Duration
}

type (
	contactCentersAnswer struct {
		StatusCode     int                 `json:"statusCode"`
		ContactCenters []contactCenterView `json:"contactCenters"`
	}
	contactCenterView struct {
		ID         string `json:"id"`
		Recordings int    `json:"recordings"` // that searches of this server can find
	}
)

// read lists the contact centers that the configuration names, and those that have recordings of
// the region of this server. What is only in another region is not told of here, either.
func (h *contactCenters) read(ctx context.Context, _ struct{}) (contactCentersAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	stored, err := h.list.ContactCenters(ctx)
	if err != nil {
		return contactCentersAnswer{}, err
	}

	all := slices.Concat(h.named, stored)
	slices.Sort(all)
	answer := contactCentersAnswer{ContactCenters: []contactCenterView{}}
	for _, id := range slices.Compact(all) {
		n, err := h.index.Count(ctx, index.Query{ContactCenter: id, Region: h.region})
		if err != nil {
			return contactCentersAnswer{}, err
		}
		if n > 0 || slices.Contains(h.named, id) {
			answer.ContactCenters = append(answer.ContactCenters, contactCenterView{id, n})
		}
	}
	return answer, nil
}
