//! The simulator itself.
use nearcall::sim::*;

#[test]
fn a_race_and_a_call() {
    let mut world = World::new(nearcall::clock::now(), &Scene::rtts(1, &[("near", 40.0), ("far", 170.0)]));
    world.run_to(ms(3000.0));
    assert_eq!(world.client(0).leader().unwrap().relay, "near");
    assert!(world.client(0).decided().unwrap() <= ms(4.0 * 40.0 + 200.0));
    println!("{:?}", world.events());

    let person = || ClientSpec::new(vec![Route::rtt_ms(50.0).into(), Route::rtt_ms(60.0).into()]).talking();
    let scene = Scene::new(1, ["a", "b"], vec![person(), person()]).at(ms(8000.0), Step::Blackhole(0, true));
    let mut world = World::new(nearcall::clock::now(), &scene);
    world.run_to(ms(12_000.0));
    for c in 0..2 {
        for record in world.client(c).records() {
            println!("{c} {:?} {:?}", record.at, record.what);
        }
        println!("{:?}", world.client(c).receiver().stream(1 - c, Kind::Audio).unwrap());
    }
    println!("{:?} {:?} {:?}", world.events(), world.breaches(), world.unexplained());
    assert_eq!(world.client(1).carrier().unwrap().0, "b");
}
