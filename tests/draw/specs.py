"""Small specifications that the tests of pictures share."""

LIFT = '''protocol lift
"""A lift that serves calls: neither roles nor messages."""

const TOP: int = 2
enum Motion: idle, up, down
enum Door: open, closed

var floor: 0..TOP = 0
var motion: Motion = idle
var door: Door = closed
var calls: set[0..TOP] = {}

flaw moves_open violates doors_closed
    "The cabin leaves before its door is closed."

action call(f: 0..TOP):
    when f != floor
    calls += {f}

action start_up:
    when motion == idle and (door == closed or moves_open)
    when exists c in calls: c > floor
    motion = up

action start_down:
    when motion == idle and (door == closed or moves_open)
    when exists c in calls: c < floor
    motion = down

action move:
    when motion != idle
    floor = floor + 1 if motion == up else floor - 1
    if floor in calls: motion = idle

action open_door:
    when motion == idle and floor in calls
    door = open
    calls -= {floor}

action close_door:
    when door == open
    door = closed

invariant doors_closed: motion != idle implies door == closed
reachable second_floor: floor == 2 and door == open
reachable between: motion == up and motion == down

model ci: TOP = 2
'''

QUEUE = '''protocol queue
"""A broker hands work to consumers over fifo links; acknowledgements travel in a lossy bag; consumers crash."""

sort Item
enum State: waiting, working, retired

network fifo
message Job(item: Item) from Broker to Consumer
message Ack(item: Item) from Consumer to Broker via bag lossy

role Broker:
    stable acked: set[Item] = {}
    stable given: set[Item] = {}

    action give(i: Item, c: Consumer):
        when i not in given
        given += {i}
        send Job(i) to c

    on Ack(i):
        acked += {i}

role Consumer:
    restart later
    state: State = waiting
    stable finished: set[Item] = {}
    current: Item? = none

    on Job(i):
        when state == waiting
        current = i
        state = working

    action finish(b: Broker):
        when state == working
        finished += {current!}
        state = waiting
        send Ack(current!) to b
        current = none

invariant acked_is_done:
    all b in Broker, i in b.acked: exists c in Consumer: i in c.finished

reachable all_acked: all b in Broker: b.acked == Item

model ci: Broker = 1, Consumer = 1, Item = 2, crashes <= 1, losses <= 1
'''
