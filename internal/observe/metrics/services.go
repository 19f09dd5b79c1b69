package metrics

import "context"

// Service is work in the background.
type Service interface {
	Name() string
	Run(ctx context.Context) error
}

type service struct {
	name string
	run  func(context.Context) error
}

func (s service) Name() string                  { return s.name }
func (s service) Run(ctx context.Context) error { return s.run(ctx) }

// Services lists the work the hub is to run: evaluating rules, reporting their
// alerts, condensing series.
func (r *Room) Services() []Service {
	return []Service{
		service{"metrics rules", r.rules.Evaluate},
		service{"metrics alerts", r.rules.Report},
		service{"metrics rollup", r.rollup.Run},
	}
}
