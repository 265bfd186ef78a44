"""`bench-compare --bisect GOOD [BAD]`: which commit made training slower?

- `command`: run a bisection; `search`: measure what the plan asks for; `log`: bisect.json.
- `plan`: the next step from the pairs so far; `decisions`: of one comparison.
- `chain`: the commits between GOOD and BAD; `report`: the conclusion in words.
"""
