-- Who joins is folded, and what an incident is about may be said later: nothing
-- changes but the cached states, which are made anew with every migration.
SELECT 1;
