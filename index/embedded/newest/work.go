package newest

// Work is what a search has looked at.
type Work struct {
	Days       int // and periods of days
	Segments   int // whose candidates were worked out
	Candidates int // that were looked at
	Verified   int // of these, those whose values were compared with the query
	Cost       int // how much of the budget was used
}

// report tells who asked how much work there was.
func (w *walk) report() {
	if w.request.Done == nil {
		return
	}
	b := w.budget
	w.work.Candidates, w.work.Verified = int(b.candidates.Load()), int(b.verified.Load())
	w.work.Cost = int(b.spent.Load())
	w.request.Done(w.work)
}

// looked counts candidates that are looked at, of which it takes as many units of the budget.
func (s *segmentSearch) looked(n int) error {
	b := s.walk.budget
	b.candidates.Add(int64(n))
	if s.unverified != 0 {
		b.verified.Add(int64(n))
	}
	return b.spend(n)
}
